"""Bootstrap intervals of accuracy and balanced accuracy (Efron 1979)."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

RESAMPLES = 1000
"""Samples with replacement; the ends of an interval are their percentiles."""
TAIL = 0.025
"""Share of the samples beyond each end of an interval."""


class Interval(NamedTuple):
    """An estimate and its 95 % interval, as shares in [0, 1]."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return (
            f"{100 * self.value:.1f} % (95 % interval {100 * self.low:.1f} to "
            f"{100 * self.high:.1f} %)"
        )


def accuracy_intervals(
    labels: np.ndarray, predictions: np.ndarray, groups: np.ndarray | None = None
) -> tuple[Interval, Interval]:
    """Accuracy and balanced accuracy with their intervals.

    Images are drawn with replacement; of groups, whole groups are, because their images
    are not independent. Where every image is right or every one wrong, all samples are
    equal; the far end is then the exact binomial one, `0.025 ** (1 / groups)`. A class
    that a sample lacks keeps its recall.

    Args:
        labels: Class numbers `(N,)`.
        predictions: Predicted class numbers `(N,)`.
        groups: Group numbers `(N,)`, if images belong together.
    """
    right = predictions == labels
    whole, recall = _scores(labels, right, np.ones(len(labels)))
    weights = resamples(len(labels), groups)
    samples = [_scores(labels, right, drawn, recall)[0] for drawn in weights]
    low, high = np.quantile(samples, (TAIL, 1 - TAIL), axis=0)
    count = len(labels) if groups is None else len(np.unique(groups))
    limit = TAIL ** (1 / count)
    if right.all():
        low[:] = limit
    if not right.any():
        high[:] = 1 - limit
    found = zip(whole, low, high, strict=True)
    accuracy, balanced = (Interval(*(round(float(x), 6) for x in row)) for row in found)
    return accuracy, balanced


def resamples(images: int, groups: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """How often each image is in each of `RESAMPLES` samples with replacement, `(N,)`.

    Args:
        images: Number of images.
        groups: Group numbers `(N,)`, of which whole groups are drawn.
    """
    numbers = np.arange(images) if groups is None else groups
    numbers = np.unique(numbers, return_inverse=True)[1]
    count = numbers.max() + 1
    rng = np.random.default_rng(0)
    for _ in range(RESAMPLES):
        drawn = np.bincount(rng.integers(0, count, count), minlength=count)
        yield drawn[numbers]


def _scores(
    labels: np.ndarray,
    right: np.ndarray,
    weights: np.ndarray,
    recall: np.ndarray | float = np.nan,
) -> tuple[tuple[float, float], np.ndarray]:
    """Accuracy and mean recall of weighted images; and the recall of each class.

    Args:
        labels: Class numbers `(N,)`.
        right: Whether each prediction is right, `(N,)`.
        weights: How often each image counts, `(N,)`.
        recall: That of classes without images, `(classes,)`; NaN leaves them out.
    """
    found = recalls(labels, right[None], weights, recall)[0]
    accuracy = float((weights * right).sum() / weights.sum())
    return (accuracy, float(np.nanmean(found))), found


def recalls(
    labels: np.ndarray,
    right: np.ndarray,
    weights: np.ndarray,
    missing: np.ndarray | float,
) -> np.ndarray:
    """Recall of each class of weighted images, `(models, classes)`.

    Args:
        labels: Class numbers `(N,)`.
        right: Whether each model has each image right, `(models, N)`.
        weights: How often each image counts, `(N,)`.
        missing: That of classes without images.
    """
    true = np.bincount(labels, weights)
    hits = np.array([np.bincount(labels, weights * row) for row in right])
    return np.where(true > 0, hits / np.maximum(true, 1), missing)
