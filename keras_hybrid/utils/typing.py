"""Names for the types that every part shares."""

from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""A tensor of the backend, a NumPy array, or a `keras.KerasTensor`.

Backends share no base class, so the checker cannot tell them apart; the name says
what is meant, and a comment such as `# (B, N, C)` says the shape.
"""

Shape: TypeAlias = tuple[int | None, ...]
"""A static shape; None where a length is free."""
