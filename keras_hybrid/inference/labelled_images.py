"""Image files with their classes, which are matched to those of a model by name."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_hybrid.data.scan_folder import list_images, natural


class LabelledImages(NamedTuple):
    """Image files and their classes.

    Attributes:
        paths: The files.
        labels: Numbers of their classes among the model's, `(N,)`.
        split: `"test"`, or None if the folder has no split and all its images are here.
    """

    paths: list[pathlib.Path]
    labels: np.ndarray
    split: str | None


def find_labelled_images(
    root: pathlib.Path,
    classes: Sequence[str],
    manifest: str | pathlib.Path | None = None,
) -> LabelledImages:
    """The test images of a folder; all of its images if it has no test split.

    Args:
        root: A folder with one sub-folder per class, with such sub-folders in `train`
            and `test`, or with a `labels.csv`, as for training.
        classes: Names of the model's classes, in its order.
        manifest: The table of the folder, if it is not its `labels.csv`.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it has another layout, or classes that the model does not have.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is not a folder of images.")
    records, _ = list_images(root, manifest)
    split = records[0].split and "test"
    records = [x for x in records if x.split == split]
    number = {name: i for i, name in enumerate(classes)}
    unknown = sorted({x.label for x in records} - set(classes), key=natural)
    if unknown:
        raise ValueError(
            f"{root} has classes that the model does not have ({_few(unknown)}); the "
            f"model's classes are {_few(list(classes))}. Rename or remove them."
        )
    labels = np.array([number[x.label] for x in records], dtype="int64")
    return LabelledImages([pathlib.Path(x.path) for x in records], labels, split)


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
