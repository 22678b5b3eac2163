"""Regression: every image has a number."""

import math
import pathlib
from collections.abc import Sequence

import numpy as np

from keras_hybrid.data.read_table import ImageRecord
from keras_hybrid.data.targets.target_reader import TargetReader

NAME = "value"
"""Name of the one output."""
STRATA = 10
"""Ranges with equally many images into which numbers are divided for splits: so many,
each of so many images at least."""


class NumberTargets(TargetReader):
    """Labels are numbers in the unit of the table, float64 `(N, 1)`."""

    def read(
        self, root: pathlib.Path, listed: Sequence[ImageRecord], names: Sequence[str]
    ) -> tuple[tuple[str, ...], np.ndarray]:
        if listed[0].row is None:
            raise ValueError(
                f"{root}: numbers are read from a table, labels.csv, with the columns "
                "file,label; there is none."
            )
        return (NAME,), np.array([[_number(image)] for image in listed], "float64")

    def check(
        self, root: pathlib.Path, listed: list[ImageRecord], names: tuple[str, ...]
    ) -> None:
        training = {_number(x) for x in listed if x.split != "test"}
        if len(training) < 2:
            raise ValueError(
                f"{root}: the training images have {len(training)} number; two "
                "different ones are needed."
            )
        given = {image.split for image in listed}
        if given == {None} and len(listed) < 4:
            raise ValueError(f"{root}: {len(listed)} images are too few to split.")

    def strata(self, labels: np.ndarray) -> np.ndarray:
        ranks = np.empty(len(labels), "int64")
        ranks[np.argsort(labels[:, 0], kind="stable")] = np.arange(len(labels))
        count = max(min(STRATA, len(labels) // STRATA), 1)
        return ranks * count // max(len(labels), 1)

    def describe(self, labels: np.ndarray, names: Sequence[str]) -> str:
        return f"numbers from {labels.min():g} to {labels.max():g}"

    def classes_of(self, label: str) -> list[str]:
        return [NAME]

    def text(self, label: np.ndarray, names: Sequence[str]) -> str:
        return repr(float(label[0]))


def _number(image: ImageRecord) -> float:
    try:
        value = float(image.label)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(
            f"The label of {image.path} is {image.label!r}, which is no number, as "
            "--task regression needs it."
        )
    return value
