"""The result of a test in two lines, beside what a constant answer would reach."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_hybrid.train.bootstrap import Interval, accuracy_intervals

LISTED = 8
"""Classes up to which the number of images of each is in the text."""


@dataclasses.dataclass(frozen=True)
class Headline:
    """How good a classifier is on labelled images.

    Attributes:
        accuracy: Share of right predictions.
        balanced_accuracy: Mean recall of the classes that occur.
        support: Number of images of each class that occurs.
    """

    accuracy: Interval
    balanced_accuracy: Interval
    support: Mapping[str, int]

    @property
    def images(self) -> int:
        """Number of images."""
        return sum(self.support.values())

    @property
    def majority_class(self) -> str:
        """The most frequent class."""
        return max(self.support, key=lambda name: self.support[name])

    @property
    def majority_accuracy(self) -> float:
        """The accuracy of always answering the most frequent class."""
        return round(self.support[self.majority_class] / self.images, 6)

    @property
    def verdict(self) -> str:
        """What the baseline says about the classifier; empty if it is clearly better.

        A classifier is better by its accuracy, or by its balanced accuracy, which is
        1 / classes for a constant answer. Of a single class nothing can be said.
        """
        if len(self.support) < 2:
            return ""
        bars = (
            (self.accuracy, self.majority_accuracy),
            (self.balanced_accuracy, 1 / len(self.support)),
        )
        if any(found.low > bar + 1e-6 for found, bar in bars):
            return ""
        better = any(found.value > bar + 1e-6 for found, bar in bars)
        return (
            f"This is {'not clearly' if better else 'no'} better than always answering "
            f"{self.majority_class}."
        )

    def lines(self) -> list[str]:
        """Accuracy, balanced accuracy and baseline, and the verdict if there is one."""
        found = (
            f"Accuracy {self.accuracy}, balanced accuracy {self.balanced_accuracy}, on "
            f"{self.images:,} images ({self._support()}). Always answering "
            f"{self.majority_class} would reach {100 * self.majority_accuracy:.1f} %."
        )
        return [found, self.verdict] if self.verdict else [found]

    def as_dict(self) -> dict[str, Any]:
        """Everything as values that JSON can hold, and `text`, the lines."""
        return {
            "images": self.images,
            "accuracy": self.accuracy._asdict(),
            "balanced_accuracy": self.balanced_accuracy._asdict(),
            "majority_class": self.majority_class,
            "majority_accuracy": self.majority_accuracy,
            "support": dict(self.support),
            "text": self.lines(),
        }

    def _support(self) -> str:
        if len(self.support) <= LISTED:
            return ", ".join(f"{name} {n:,}" for name, n in self.support.items())
        counts = self.support.values()
        each = f"{min(counts):,} to {max(counts):,} of each"
        return f"{len(self.support)} classes, {each}"


def headline(
    labels: np.ndarray,
    predictions: np.ndarray,
    names: Sequence[str],
    groups: np.ndarray | None = None,
) -> Headline:
    """The headline of predictions.

    Args:
        labels: Class numbers `(N,)`.
        predictions: Predicted class numbers `(N,)`.
        names: Names of the classes.
        groups: Group numbers `(N,)`, if images belong together.

    Example:
        >>> headline(labels, probabilities.argmax(-1), ("ant", "bee")).lines()
    """
    classes, counts = np.unique(labels, return_counts=True)
    support = {names[i]: int(n) for i, n in zip(classes, counts, strict=True)}
    return Headline(*accuracy_intervals(labels, predictions, groups), support)
