"""The precision of sums and norms."""

import keras


def at_least_float32(dtype: str) -> str:
    """float64 for float64, else float32, in which sums and norms are computed."""
    is_double = keras.backend.standardize_dtype(dtype) == "float64"
    return "float64" if is_double else "float32"
