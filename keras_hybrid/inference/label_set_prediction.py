"""What a classifier of several classes per image says about images."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from keras_hybrid.inference.answer import Answer
from keras_hybrid.train.evaluate import sigmoid
from keras_hybrid.train.label_set_scores import THRESHOLD
from keras_hybrid.utils.significant import significant


@dataclasses.dataclass(frozen=True)
class LabelSetPrediction(Answer):
    """A probability of each class, for one image or more.

    Attributes:
        probabilities: float32 `(N, classes)`.
        classes: Names of the classes.
        thresholds: The probability of each class above which an image has it.
    """

    probabilities: np.ndarray
    classes: tuple[str, ...]
    thresholds: tuple[float, ...]

    output = "probabilities"
    names_in_card = "class_names"
    has_threshold = True

    @classmethod
    def of(
        cls, outputs: np.ndarray, names: tuple[str, ...], card: Mapping[str, Any]
    ) -> Self:
        thresholds = card.get("thresholds", [THRESHOLD] * len(names))
        return cls(outputs, names, tuple(thresholds))

    @staticmethod
    def of_logits(logits: np.ndarray) -> np.ndarray:
        return sigmoid(logits.astype("float64")).astype("float32")

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def label_names(self) -> list[list[str]]:
        """Names of the classes of every image, the likeliest first."""
        return [[name for name, _ in found] for found in self.above_threshold()]

    def above_threshold(self) -> list[list[tuple[str, float]]]:
        """The classes of every image as (name, probability), the likeliest first."""
        order = np.argsort(-self.probabilities, axis=-1, kind="stable")
        return [
            [
                (self.classes[i], float(row[i]))
                for i in best
                if row[i] > self.thresholds[i]
            ]
            for row, best in zip(self.probabilities, order, strict=True)
        ]

    def lines(self, top: int) -> list[str]:
        found = self.above_threshold()[0]
        if found:
            return [f"{probability:7.2%}  {name}" for name, probability in found]
        best = self.probabilities[0].argmax()
        likeliest = f"{self.classes[best]}, {self.probabilities[0, best]:.2%}"
        return [f"no class is above its threshold; the likeliest is {likeliest}"]

    @staticmethod
    def columns(top: int, names: tuple[str, ...]) -> list[str]:
        return ["labels", *(f"probability_{name}" for name in names)]

    def row(self, top: int) -> dict[str, str]:
        numbers = [f"{x:.6g}" for x in self.probabilities[0]]
        cells = [";".join(self.label_names[0]), *numbers]
        return dict(zip(self.columns(top, self.classes), cells, strict=True))

    def as_dict(self, top: int) -> dict[str, Any]:
        numbers = [significant(x) for x in self.probabilities[0]]
        return {
            "labels": self.label_names[0],
            "probabilities": dict(zip(self.classes, numbers, strict=True)),
        }
