"""What a regression model says about images."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from keras_hybrid.inference.answer import Answer


@dataclasses.dataclass(frozen=True)
class NumberPrediction(Answer):
    """Numbers in the unit of the training table, for one image or more.

    Attributes:
        values: float32 `(N, 1)`.
        value_names: Their name.
    """

    values: np.ndarray
    value_names: tuple[str, ...]

    output = "values"
    names_in_card = "value_names"

    @classmethod
    def of(
        cls, outputs: np.ndarray, names: tuple[str, ...], card: Mapping[str, Any]
    ) -> Self:
        return cls(outputs, names)

    @staticmethod
    def of_logits(logits: np.ndarray) -> np.ndarray:
        raise ValueError(
            "The model gives logits alone, which have no unit: it was not "
            "trained for numbers."
        )

    def __len__(self) -> int:
        return len(self.values)

    @property
    def numbers(self) -> list[float]:
        """The number of every image."""
        return self.values[:, 0].tolist()

    def lines(self, top: int) -> list[str]:
        return [f"{self.numbers[0]:.6g}"]

    @staticmethod
    def columns(top: int, names: tuple[str, ...]) -> list[str]:
        return ["value"]

    def row(self, top: int) -> dict[str, str]:
        return {"value": f"{self.numbers[0]:.9g}"}

    def as_dict(self, top: int) -> dict[str, Any]:
        return {"value": float(f"{self.numbers[0]:.9g}")}
