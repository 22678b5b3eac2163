"""Bootstrap intervals of accuracy and balanced accuracy (Efron 1979)."""

from typing import NamedTuple

import numpy as np

RESAMPLES = 1000
"""Samples with replacement; the ends of an interval are their percentiles."""
_TAIL = 0.025


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
    numbers = np.arange(len(labels)) if groups is None else groups
    numbers = np.unique(numbers, return_inverse=True)[1]
    count = numbers.max() + 1
    rng = np.random.default_rng(0)
    whole, recall = _scores(labels, right, np.ones(len(labels)))
    samples = []
    for _ in range(RESAMPLES):
        drawn = np.bincount(rng.integers(0, count, count), minlength=count)
        samples.append(_scores(labels, right, drawn[numbers], recall)[0])
    low, high = np.quantile(samples, (_TAIL, 1 - _TAIL), axis=0)
    limit = _TAIL ** (1 / count)
    if right.all():
        low[:] = limit
    if not right.any():
        high[:] = 1 - limit
    found = zip(whole, low, high, strict=True)
    accuracy, balanced = (Interval(*(round(float(x), 6) for x in row)) for row in found)
    return accuracy, balanced


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
    true = np.bincount(labels, weights)
    hits = np.bincount(labels, weights * right)
    recall = np.where(true > 0, hits / np.maximum(true, 1), recall)
    return (hits.sum() / true.sum(), float(np.nanmean(recall))), recall
