"""The result of a test in two lines, beside what a constant answer would reach."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_hybrid.train.bootstrap import Interval, accuracy_intervals


@dataclasses.dataclass(frozen=True)
class Headline:
    """How good a classifier is on labelled images.

    Attributes:
        images: Number of images.
        classes: Number of classes that occur among them.
        accuracy: Share of right predictions.
        balanced_accuracy: Mean recall of the classes that occur.
        majority_class: The most frequent class.
        majority_accuracy: Its share, the accuracy of always answering it.
    """

    images: int
    classes: int
    accuracy: Interval
    balanced_accuracy: Interval
    majority_class: str
    majority_accuracy: float

    @property
    def verdict(self) -> str:
        """What the baseline says about the classifier; empty if it is clearly better.

        A classifier is better by its accuracy, or by its balanced accuracy, which is
        1 / `classes` for a constant answer.
        """
        bars = (
            (self.accuracy, self.majority_accuracy),
            (self.balanced_accuracy, 1 / self.classes),
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
        counted = f"{self.images:,} images of {self.classes} classes"
        found = (
            f"Accuracy {self.accuracy}, balanced accuracy {self.balanced_accuracy}, on "
            f"{counted}. Always answering {self.majority_class} would reach "
            f"{100 * self.majority_accuracy:.1f} %."
        )
        return [found, self.verdict] if self.verdict else [found]

    def as_dict(self) -> dict[str, Any]:
        """The attributes and `text`, ready for JSON."""
        found = dataclasses.asdict(self)
        for name in ("accuracy", "balanced_accuracy"):
            found[name] = getattr(self, name)._asdict()
        return found | {"text": self.lines()}


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
    counts = np.bincount(labels)
    accuracy, balanced = accuracy_intervals(labels, predictions, groups)
    return Headline(
        images=len(labels),
        classes=int((counts > 0).sum()),
        accuracy=accuracy,
        balanced_accuracy=balanced,
        majority_class=names[int(counts.argmax())],
        majority_accuracy=round(float(counts.max() / len(labels)), 6),
    )
