"""Two runs on the same images: difference, interval and test."""

import dataclasses
import itertools

import numpy as np

from keras_hybrid.inference.compare.image_scores import ImageScores
from keras_hybrid.inference.compare.paired_bootstrap import (
    agreement_limit,
    difference,
    mean_samples,
    recall_samples,
)
from keras_hybrid.inference.compare.paired_tests import holm, mcnemar, sign_flip
from keras_hybrid.train.bootstrap import Interval

LEVEL = 0.05
"""p-value below which a difference is called clear."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """How the second of two runs differs from the first.

    Attributes:
        first: Number of the first run, from 0.
        second: Number of the second run.
        difference: Mean score of the second run less that of the first, with its 95 %
            bootstrap interval.
        balanced: The same of balanced accuracy; None for other tasks.
        only_first: Images that only the first run has right; None for numbers.
        only_second: Images that only the second run has right.
        test: The test by name.
        p: Its p-value.
        adjusted: The p-value adjusted for the number of pairs.
    """

    first: int
    second: int
    difference: Interval
    balanced: Interval | None
    only_first: int | None
    only_second: int | None
    test: str
    p: float
    adjusted: float

    @property
    def clear(self) -> bool:
        """Whether the two are unlikely to be equally good."""
        return self.adjusted < LEVEL


def compare_pairs(
    scores: ImageScores, labels: np.ndarray, groups: np.ndarray | None
) -> list[Pair]:
    """All pairs of runs, in their order.

    Without groups the test of right and wrong predictions is McNemar's; that of numbers
    and of groups is `sign_flip`.

    Args:
        scores: The scores of the runs.
        labels: Labels of the images; class numbers `(N,)` for balanced accuracy.
        groups: Group numbers `(N,)`, if images belong together.
    """
    values = scores.values
    means = mean_samples(values, groups)
    recalls = None
    if scores.binary and labels.ndim == 1:
        recalls = recall_samples(labels, values, groups)
    found = []
    for i, k in itertools.combinations(range(len(values)), 2):
        gain = values[k] - values[i]
        agree = scores.binary and not gain.any()
        limit = agreement_limit(_units(groups, gain)) if agree else None
        apart = difference(means[:, k] - means[:, i], gain.mean(), limit)
        balanced = None
        if recalls is not None:
            whole = mean_recalls(labels, gain[None])[0]
            widest = _balanced_limit(labels, groups) if agree else None
            balanced = difference(recalls[:, k] - recalls[:, i], whole, widest)
        only = int((gain < 0).sum()), int((gain > 0).sum())
        if scores.binary and groups is None:
            name, p = "exact McNemar", mcnemar(*only)
        else:
            name, p = "sign flips", sign_flip(gain, groups)
        counts = only if scores.binary else (None, None)
        found.append(Pair(i, k, apart, balanced, counts[0], counts[1], name, p, p))
    adjusted = holm([pair.p for pair in found])
    return [
        dataclasses.replace(pair, adjusted=value)
        for pair, value in zip(found, adjusted, strict=True)
    ]


def mean_recalls(labels: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Balanced accuracy of each run, `(runs,)`."""
    classes = np.unique(labels)
    return np.array([right[:, labels == k].mean(1) for k in classes]).mean(0)


def _units(groups: np.ndarray | None, images: np.ndarray) -> int:
    return len(images) if groups is None else len(np.unique(groups))


def _balanced_limit(labels: np.ndarray, groups: np.ndarray | None) -> float:
    """The mean of the classes' limits, each by its number of images or groups."""
    limits = []
    for k in np.unique(labels):
        own = labels == k
        units = _units(None if groups is None else groups[own], labels[own])
        limits.append(agreement_limit(units))
    return float(np.mean(limits))
