"""What a model learns of each image, and how a table of images says it."""

import abc
import pathlib
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from keras_hybrid.data.read_table import ImageRecord
from keras_hybrid.data.scan_folder import natural


class TargetReader(abc.ABC):
    """Reads the labels of one task.

    Attributes:
        dimensions: 1 for class numbers `(N,)`, 2 for a row of each image.
    """

    dimensions: ClassVar[Literal[1, 2]] = 2

    @abc.abstractmethod
    def read(
        self, root: pathlib.Path, listed: Sequence[ImageRecord], names: Sequence[str]
    ) -> tuple[tuple[str, ...], np.ndarray]:
        """The names of the outputs, and the labels of every image.

        Args:
            root: The folder, for messages.
            listed: The images.
            names: Names that are known, e.g. a model's; empty takes those of `listed`.

        Returns:
            The names; and class numbers `(N,)`, or a row for each image, `(N, names)`.

        Raises:
            ValueError: If a label cannot be read, or is none of the names.
        """

    @abc.abstractmethod
    def check(
        self, root: pathlib.Path, listed: list[ImageRecord], names: tuple[str, ...]
    ) -> None:
        """Checks that images are there to train and to test on.

        Raises:
            ValueError: If there are too few.
        """

    @abc.abstractmethod
    def strata(self, labels: np.ndarray) -> np.ndarray:
        """Numbers `(N,)` whose shares every split keeps."""

    @abc.abstractmethod
    def describe(self, labels: np.ndarray, names: Sequence[str]) -> str:
        """What the images are of, e.g. "3 classes"."""

    def absent(self, labels: np.ndarray, names: Sequence[str]) -> list[str]:
        """The names of which there is no image."""
        return []

    def classes_of(self, label: str) -> list[str]:
        """The classes that the label of an image names."""
        return [label]

    @abc.abstractmethod
    def text(self, label: np.ndarray, names: Sequence[str]) -> str:
        """The label of one image, as a table has it."""


def check_names(root: pathlib.Path, found: set[str], names: Sequence[str]) -> None:
    """Checks that classes are those of a model.

    Args:
        root: The folder, for the message.
        found: Classes of its images.
        names: Classes of the model.

    Raises:
        ValueError: If the model does not have one.
    """
    unknown = sorted(found - set(names), key=natural)
    if unknown:
        raise ValueError(
            f"{root} has classes that the model does not have ({_few(unknown)}); the "
            f"model's classes are {_few(names)}. Rename or remove them."
        )


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more


def target_rows(labels: np.ndarray, outputs: int) -> np.ndarray:
    """What the outputs of a network are compared with, float32 `(N, outputs)`.

    Args:
        labels: Class numbers `(N,)`, which become one-hot, or rows `(N, outputs)`.
        outputs: Number of outputs.
    """
    if labels.ndim == 1:
        return np.eye(outputs, dtype="float32")[labels]
    return labels.astype("float32")
