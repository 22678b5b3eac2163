"""Class-balanced parts of a data set, the same for every model."""

import numpy as np


def balanced_split(
    labels: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Splits places into two parts with the same share of every class.

    Args:
        labels: Class numbers `(N,)`.
        fraction: Share of each class that goes to the first part, in [0, 1];
            rounded to whole images, at least one where it is above 0.
        seed: Which images are drawn.

    Returns:
        The places of the first and of the second part, both ascending.

    Raises:
        ValueError: If `fraction` is outside [0, 1].
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"The fraction must lie in [0, 1], not {fraction}.")
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        places = rng.permutation(np.flatnonzero(labels == label))
        count = round(fraction * len(places))
        chosen[places[: max(count, 1) if fraction else 0]] = True
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)
