"""Class-balanced splits of a dataset, the same for every model."""

from collections.abc import Sequence

import numpy as np


def balanced_split(
    labels: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Splits indices into two parts with the same share of every class.

    Args:
        labels: Class numbers `(N,)`.
        fraction: Share of each class in the first part, in [0, 1]; rounded to whole
            images, at least one if it is above 0.
        seed: Seed of the choice. A larger fraction adds images to the same choice.

    Returns:
        The indices of the first and of the second part, both ascending.

    Raises:
        ValueError: If `fraction` is outside [0, 1].
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"The fraction must lie in [0, 1], not {fraction}.")
    counts = np.unique(labels, return_counts=True)[1]
    wanted = [max(round(fraction * n), 1) if fraction else 0 for n in counts]
    return _sample_per_class(labels, wanted, seed)


def per_class_split(
    labels: np.ndarray, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Splits indices into `count` images of every class, and the rest.

    Args:
        labels: Class numbers `(N,)`.
        count: Images of each class in the first part, at least one.
        seed: Seed of the choice. A larger count adds images to the same choice.

    Returns:
        The indices of the first and of the second part, both ascending.

    Raises:
        ValueError: If a class has fewer images.
    """
    classes, counts = np.unique(labels, return_counts=True)
    if not 1 <= count <= counts.min():
        raise ValueError(
            f"--per-class {count} is impossible: class {classes[counts.argmin()]} has "
            f"{counts.min()} training images; give 1 to {counts.min()}."
        )
    return _sample_per_class(labels, [count] * len(classes), seed)


def stratified_split(
    labels: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Splits indices into a stratified test part, and the rest.

    The test part has the classes in proportion. Numbers are rounded by largest
    remainder, so that the size of the test part is `fraction` of all images. Each part
    has at least one image of every class.

    Args:
        labels: Class numbers `(N,)`; at least two images of each class.
        fraction: Share of the test part, in (0, 1).
        seed: Seed of the choice.

    Returns:
        The indices of the first and of the second part, both ascending.
    """
    counts = np.unique(labels, return_counts=True)[1]
    exact = fraction * counts
    wanted = np.floor(exact).astype(int)
    missing = round(exact.sum()) - wanted.sum()
    wanted[np.argsort(wanted - exact, kind="stable")[:missing]] += 1
    return _sample_per_class(labels, np.clip(wanted, 1, counts - 1), seed)


def stratified_folds(labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Divides images into folds with the classes in proportion.

    Args:
        labels: Class numbers `(N,)`.
        folds: Number of folds.
        seed: Seed of the choice.

    Returns:
        The fold of every image, `(N,)`, from 0. Sizes differ by at most one, for all
        images and for those of a class.
    """
    rng = np.random.default_rng(seed)
    found = np.empty(len(labels), dtype=int)
    start = 0
    for label in np.unique(labels):
        indices = rng.permutation(np.flatnonzero(labels == label))
        found[indices] = (start + np.arange(len(indices))) % folds
        start += len(indices)
    return found


def _sample_per_class(
    labels: np.ndarray, wanted: Sequence[int] | np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Samples `wanted` indices of each class; returns these and the others."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(labels), dtype=bool)
    for label, count in zip(np.unique(labels), wanted, strict=True):
        indices = rng.permutation(np.flatnonzero(labels == label))
        chosen[indices[:count]] = True
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)
