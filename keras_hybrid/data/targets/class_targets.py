"""Classification: every image has one class."""

import pathlib
from collections.abc import Sequence

import numpy as np

from keras_hybrid.data.folder_split import check_classes, number_classes
from keras_hybrid.data.read_table import ImageRecord
from keras_hybrid.data.targets.label_set_targets import comma_label, label_set
from keras_hybrid.data.targets.target_reader import TargetReader, check_names

FEW_NUMBERS = 10
"""Up to so many different numbers may be names of classes."""


class ClassTargets(TargetReader):
    """Labels are class numbers `(N,)`; the classes are in natural order."""

    dimensions = 1

    def read(
        self, root: pathlib.Path, listed: Sequence[ImageRecord], names: Sequence[str]
    ) -> tuple[tuple[str, ...], np.ndarray]:
        if names:
            check_names(root, {image.label for image in listed}, names)
        return number_classes(listed, names)

    def check(
        self, root: pathlib.Path, listed: list[ImageRecord], names: tuple[str, ...]
    ) -> None:
        _suggest_regression(root, names, len(listed))
        _suggest_multilabel(root, names)
        _refuse_equal_numbers(root, names)
        check_classes(root, listed, names)

    def strata(self, labels: np.ndarray) -> np.ndarray:
        return labels

    def describe(self, labels: np.ndarray, names: Sequence[str]) -> str:
        return f"{len(names)} classes"

    def absent(self, labels: np.ndarray, names: Sequence[str]) -> list[str]:
        found = set(labels.tolist())
        return [name for i, name in enumerate(names) if i not in found]

    def text(self, label: np.ndarray, names: Sequence[str]) -> str:
        return names[int(label)]


def _suggest_regression(
    root: pathlib.Path, names: tuple[str, ...], images: int
) -> None:
    """Refuses labels that are measured numbers.

    These are more than `FEW_NUMBERS` different numbers, of which one is no integer, or
    which are more than half as many as the images.
    """
    try:
        numbers = [float(name) for name in names]
    except ValueError:
        return
    whole = all(number.is_integer() for number in numbers)
    if len(names) > FEW_NUMBERS and (not whole or 2 * len(names) > images):
        raise ValueError(
            f"{root}: the labels are {len(names)} different numbers, e.g. {names[0]}: "
            "give --task regression to predict them; as classes they need other names."
        )


def _refuse_equal_numbers(root: pathlib.Path, names: tuple[str, ...]) -> None:
    """Refuses classes such as `1` and `1.0`."""
    seen: dict[float, str] = {}
    for name in names:
        try:
            first = seen.setdefault(float(name), name)
        except ValueError:
            continue
        if first != name:
            raise ValueError(
                f"{root}: the classes {first} and {name} are the same number: write "
                "both alike, or give one another name."
            )


def _suggest_multilabel(root: pathlib.Path, names: tuple[str, ...]) -> None:
    """Refuses labels such as `cat;dog` if a part of one is a part of another, too."""
    parts = {name: label_set(name) for name in names}
    if listed := comma_label(names):
        raise ValueError(
            f"{root}: the label {listed!r} names several classes: write them with "
            "semicolons, and give --task multilabel; as one class it needs another "
            "name."
        )
    if all(len(found) == 1 for found in parts.values()):
        return
    every = [part for found in parts.values() for part in found]
    if len(set(every)) < len(every):
        example = max(names, key=lambda name: len(parts[name]))
        raise ValueError(
            f"{root}: labels such as {example!r} name several classes: give --task "
            "multilabel to predict them; as one class they need other names."
        )
