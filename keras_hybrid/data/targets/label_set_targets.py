"""Multi-label classification: every image has any number of classes."""

import pathlib
import re
from collections.abc import Sequence

import numpy as np

from keras_hybrid.data.folder_split import check_classes
from keras_hybrid.data.read_table import NO_LABEL, ImageRecord
from keras_hybrid.data.scan_folder import natural
from keras_hybrid.data.targets.target_reader import TargetReader, check_names


def label_set(text: str) -> list[str]:
    """The classes in a cell such as `cat;dog` or `cat|dog`; none in `;`."""
    return [part.strip() for part in re.split(r"[;|]", text) if part.strip()]


def comma_label(names: Sequence[str]) -> str | None:
    """A name such as `cat,dog` of which each part is a name, too; None without one."""
    for name in names:
        parts = [part.strip() for part in name.split(",")]
        if len(parts) > 1 and set(parts) <= set(names):
            return name
    return None


class LabelSetTargets(TargetReader):
    """Labels are 0 or 1 for each class, `(N, classes)`, in natural order."""

    def read(
        self, root: pathlib.Path, listed: Sequence[ImageRecord], names: Sequence[str]
    ) -> tuple[tuple[str, ...], np.ndarray]:
        found = [label_set(image.label) for image in listed]
        every = {name for labels in found for name in labels}
        if names:
            check_names(root, every, names)
        names = tuple(names or sorted(every, key=natural))
        number = {name: i for i, name in enumerate(names)}
        rows = np.zeros((len(listed), len(names)), "uint8")
        for row, labels in zip(rows, found, strict=True):
            row[[number[name] for name in labels]] = 1
        return names, rows

    def check(
        self, root: pathlib.Path, listed: list[ImageRecord], names: tuple[str, ...]
    ) -> None:
        if wrong := comma_label(names):
            raise ValueError(
                f"{root}: the label {wrong!r} has commas; separate classes by "
                "semicolons, as in cat;dog."
            )
        one_each = [
            image._replace(label=name)
            for image in listed
            for name in label_set(image.label)
        ]
        if not one_each:
            raise ValueError(f"{root}: no image has a label.")
        check_classes(root, one_each, names)

    def strata(self, labels: np.ndarray) -> np.ndarray:
        """The rarest class of every image; another number where it has none."""
        order = np.argsort(labels.sum(0), kind="stable")  # the rarest first
        first = order[labels[:, order].argmax(1)]
        return np.where(labels.any(1), first, labels.shape[1])

    def describe(self, labels: np.ndarray, names: Sequence[str]) -> str:
        return f"{len(names)} classes, {labels.sum(1).mean():.1f} per image,"

    def absent(self, labels: np.ndarray, names: Sequence[str]) -> list[str]:
        return [name for name, n in zip(names, labels.sum(0), strict=True) if not n]

    def classes_of(self, label: str) -> list[str]:
        return label_set(label)

    def text(self, label: np.ndarray, names: Sequence[str]) -> str:
        chosen = [name for name, one in zip(names, label, strict=True) if one]
        return ";".join(chosen) or NO_LABEL
