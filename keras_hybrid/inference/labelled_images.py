"""Image files with their labels, which are those of a model."""

import pathlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_hybrid.data.scan_folder import list_images
from keras_hybrid.data.targets import CLASSIFICATION, get_targets


class LabelledImages(NamedTuple):
    """Image files and their labels.

    Attributes:
        paths: The files.
        labels: Numbers of their classes among the model's, `(N,)`; or a row for each.
        split: `"test"`, or None if the folder has no split and all its images are here.
    """

    paths: list[pathlib.Path]
    labels: np.ndarray
    split: str | None


def find_labelled_images(
    root: pathlib.Path,
    classes: Sequence[str],
    manifest: str | pathlib.Path | None = None,
    task: str = CLASSIFICATION,
) -> LabelledImages:
    """The test images of a folder; all of its images if it has no test split.

    Args:
        root: A folder with one sub-folder per class, with such sub-folders in `train`
            and `test`, or with a `labels.csv`, as for training.
        classes: Names of the model's classes, in its order.
        manifest: The table of the folder, if it is not its `labels.csv`.
        task: What the labels are, a key of `TARGETS`.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it has another layout, or classes that the model does not have.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is not a folder of images.")
    records, _, left_out = list_images(root, manifest, classes)
    if left_out:
        print(f"{root}: left out {left_out}.", file=sys.stderr)
    split = records[0].split and "test"
    records = [x for x in records if x.split == split]
    _, labels = get_targets(task).read(root, records, classes)
    return LabelledImages([pathlib.Path(x.path) for x in records], labels, split)
