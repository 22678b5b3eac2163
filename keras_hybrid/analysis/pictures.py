"""Chooses the image files to look at, and reads labels from their folders."""

import pathlib
from collections.abc import Sequence

import numpy as np

from keras_hybrid.utils.files import find_images


def choose_pictures(folder: pathlib.Path, count: int) -> list[pathlib.Path]:
    """Paths of `count` images at most, evenly spread over a folder.

    Args:
        folder: Folder of images, or of one folder of images per class.
        count: Largest number of images.

    Raises:
        FileNotFoundError: If the folder does not exist or has no image.
        ValueError: If `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"count must be 1 or more, not {count}.")
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    every = find_images(folder)
    if not every:
        raise FileNotFoundError(f"There is no image in {folder} or below.")
    indices = np.linspace(0, len(every) - 1, min(count, len(every))).round()
    return [every[int(i)] for i in indices]


def labels_of(
    paths: Sequence[pathlib.Path], class_names: Sequence[str]
) -> np.ndarray | None:
    """Labels of images by the names of their folders; None if a name is unknown."""
    folders = [path.parent.name for path in paths]
    if not set(folders) <= set(class_names):
        return None
    return np.array([list(class_names).index(folder) for folder in folders])
