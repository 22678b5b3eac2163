"""Class-balanced splits of a dataset that never tear a group apart."""

import warnings

import numpy as np

from keras_hybrid.data.splits import stratified_folds
from keras_hybrid.utils.optional import require


def grouped_folds(
    labels: np.ndarray, groups: np.ndarray, folds: int, seed: int
) -> np.ndarray:
    """Divides images into folds with the classes in proportion, by whole groups.

    Groups of several images are divided by scikit-learn's `StratifiedGroupKFold`, after
    a shuffle, and single images by `stratified_folds`, which is as good for them and
    takes no time.

    Args:
        labels: Class numbers `(N,)`.
        groups: Group numbers `(N,)`.
        folds: Number of folds, 2 or more.
        seed: Seed of the choice.

    Returns:
        The fold of every image, `(N,)`, from 0. A fold may be empty if there are few
        groups.

    Raises:
        ImportError: If scikit-learn is missing.
    """
    _, numbers, counts = np.unique(groups, return_inverse=True, return_counts=True)
    single = counts[numbers] == 1
    found = np.empty(len(labels), dtype=int)
    found[single] = stratified_folds(labels[single], folds, seed)
    shuffled = np.random.default_rng(seed).permutation(len(counts))[numbers]
    found[~single] = _folds_of_groups(labels[~single], shuffled[~single], folds)
    return found


def _folds_of_groups(labels: np.ndarray, groups: np.ndarray, folds: int) -> np.ndarray:
    """As `grouped_folds`; group numbers decide between equally good choices."""
    require("sklearn", extra="check", what="A split by groups")
    from sklearn.model_selection import StratifiedGroupKFold

    found = np.zeros(len(labels), dtype=int)
    # scikit-learn refuses more folds than groups, or than images of the largest class
    largest = np.bincount(labels, minlength=1).max()
    folds = min(folds, len(np.unique(groups)), largest)
    if folds < 2:
        return found
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes with fewer images than folds
        parts = StratifiedGroupKFold(folds).split(labels, labels, groups)
        for fold, (_, out) in enumerate(parts):
            found[out] = fold
    return found


def grouped_split(
    labels: np.ndarray, groups: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Splits indices into two parts with the classes in proportion, by whole groups.

    The first part is the best of 1 / `fraction` folds: it and the rest have all
    classes, as far as that is possible, and its size is near the fraction. A class that
    lies in one group alone stays in the second part.

    Args:
        labels: Class numbers `(N,)`.
        groups: Group numbers `(N,)`.
        fraction: Share of the first part, in (0, 1); 1 / N is meant, so above 0.5 it
            counts as 0.5.
        seed: Seed of the choice.

    Returns:
        The indices of the first and of the second part, both ascending. The first is
        empty if no group can be spared.
    """
    folds = grouped_folds(labels, groups, max(round(1 / fraction), 2), seed)
    classes = len(np.unique(labels))

    def badness(fold: int) -> tuple[int, int, float]:
        out = folds == fold
        lost = classes - len(np.unique(labels[~out]))
        absent = classes - len(np.unique(labels[out]))
        return lost, absent, abs(out.mean() - fraction)

    out = folds == min(np.unique(folds), key=badness)
    while len(lost := np.setdiff1d(labels[out], labels[~out])):
        out &= ~np.isin(groups, groups[np.isin(labels, lost)])
    return np.flatnonzero(out), np.flatnonzero(~out)
