"""What a classifier says about images."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from keras_hybrid.inference.answer import Answer
from keras_hybrid.train.evaluate import log_softmax
from keras_hybrid.utils.rejection import KNOWN, REJECTED
from keras_hybrid.utils.significant import significant

_ROUNDING = 0.1
_LEAST = 0.5  # files in 8 bits round many small probabilities to 0


@dataclasses.dataclass(frozen=True)
class Prediction(Answer):
    """Probabilities of the classes, for one image or more.

    Attributes:
        probabilities: float32 `(N, classes)`.
        classes: Names of the classes.
        known: How much each image is like the training images, in [0, 1], `(N,)`; None
            of a model without a rule for unknown images.
    """

    probabilities: np.ndarray
    classes: tuple[str, ...]
    known: np.ndarray | None = None

    output = "probabilities"
    names_in_card = "class_names"

    @classmethod
    def of(
        cls, outputs: np.ndarray, names: tuple[str, ...], card: Mapping[str, Any]
    ) -> Self:
        return cls(outputs, names)

    @staticmethod
    def of_logits(logits: np.ndarray) -> np.ndarray:
        if logits.shape[-1] == 1:  # of the second of two classes
            logits = np.concatenate([np.zeros_like(logits), logits], -1)
        return np.exp(log_softmax(logits.astype("float64"))).astype("float32")

    @staticmethod
    def checked(outputs: np.ndarray) -> np.ndarray:
        """Probabilities; one of a sigmoid becomes those of two classes.

        Raises:
            ValueError: If they are below 0, or their sum is not 1.
        """
        if outputs.shape[-1] == 1:
            outputs = np.concatenate([1 - outputs, outputs], -1)
        total = outputs.sum(-1)
        fit = (total > _LEAST) & (total < 1 + _ROUNDING)
        if outputs.min() < -_ROUNDING or not fit.all():
            raise ValueError(
                f"its outputs lie in [{outputs.min():.3g}, {outputs.max():.3g}] and "
                f"first sum to {total[0]:.3g}: they are no probabilities of classes. "
                'End it in a softmax, or write its "task", e.g. multilabel, into its '
                "card"
            )
        return outputs

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def labels(self) -> np.ndarray:
        """Number of the likeliest class of every image, `(N,)`."""
        return self.probabilities.argmax(-1)

    @property
    def names(self) -> list[str]:
        """Name of the likeliest class of every image."""
        return [self.classes[label] for label in self.labels]

    @property
    def unknown(self) -> np.ndarray:
        """Whether the rule rejects each image, `(N,)`; False without a rule."""
        if self.known is None:
            return np.zeros(len(self), bool)
        return self.known < REJECTED

    def top(self, count: int = 5) -> list[list[tuple[str, float]]]:
        """The likeliest classes of every image as (name, probability), best first.

        Args:
            count: How many of them.
        """
        order = np.argsort(-self.probabilities, axis=-1, kind="stable")[:, :count]
        return [
            [(self.classes[i], float(row[i])) for i in best]
            for row, best in zip(self.probabilities, order, strict=True)
        ]

    def lines(self, top: int) -> list[str]:
        lines = [
            f"{probability:7.2%}  {name}" for name, probability in self.top(top)[0]
        ]
        if self.known is None or not self.unknown[0]:
            return lines
        return [
            f"unknown: {self.known[0]:.1%} of known images are as strange; the rest is "
            "a guess",
            *lines,
        ]

    @staticmethod
    def columns(top: int, names: tuple[str, ...]) -> list[str]:
        pairs = [("class", "probability")]
        pairs += [(f"class_{i}", f"probability_{i}") for i in range(2, top + 1)]
        return [column for pair in pairs for column in pair]

    def row(self, top: int) -> dict[str, str]:
        cells = [
            cell
            for name, probability in self.top(top)[0]
            for cell in (name, f"{probability:.6g}")
        ]
        row = dict(zip(self.columns(top, self.classes), cells, strict=False))
        return row if self.known is None else row | {KNOWN: f"{self.known[0]:.6g}"}

    def as_dict(self, top: int) -> dict[str, Any]:
        best = [
            {"class": name, "probability": significant(probability)}
            for name, probability in self.top(top)[0]
        ]
        if self.known is None:
            return {"predictions": best}
        return {"predictions": best, KNOWN: significant(self.known[0])}
