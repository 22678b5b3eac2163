"""What a model says about images, whatever its task."""

import abc
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np


class Answer(abc.ABC):
    """The outputs of a model for one image or more.

    Attributes:
        output: Name of the output of a model that is read.
        names_in_card: The entry of a card that has the names of the outputs.
        has_threshold: Whether `thresholds` of the card change the answer.
    """

    output: ClassVar[str]
    names_in_card: ClassVar[str]
    has_threshold: ClassVar[bool] = False

    @classmethod
    @abc.abstractmethod
    def of(
        cls, outputs: np.ndarray, names: tuple[str, ...], card: Mapping[str, Any]
    ) -> Self:
        """The answer of a model with this card.

        Args:
            outputs: float32 `(N, outputs)`.
            names: Names of the outputs.
            card: The card.
        """

    @staticmethod
    @abc.abstractmethod
    def of_logits(logits: np.ndarray) -> np.ndarray:
        """The outputs, of a model that gives logits alone.

        Raises:
            ValueError: If logits do not determine them.
        """

    @staticmethod
    def checked(outputs: np.ndarray) -> np.ndarray:
        """The outputs of a model, in the form of `of`.

        Raises:
            ValueError: If they cannot be such outputs.
        """
        return outputs

    @abc.abstractmethod
    def __len__(self) -> int:
        """Number of images."""

    @abc.abstractmethod
    def lines(self, top: int) -> list[str]:
        """The answer for the first image as text.

        Args:
            top: How many classes to name.
        """

    @staticmethod
    @abc.abstractmethod
    def columns(top: int, names: tuple[str, ...]) -> list[str]:
        """The columns of `row`."""

    @abc.abstractmethod
    def row(self, top: int) -> dict[str, str]:
        """The answer for the first image as cells of a table."""

    @abc.abstractmethod
    def as_dict(self, top: int) -> dict[str, Any]:
        """The answer for the first image, ready for JSON."""
