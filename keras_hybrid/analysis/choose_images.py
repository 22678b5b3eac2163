"""The image files that an analysis reads, and the labels that their folders give."""

import pathlib
from collections.abc import Sequence

import numpy as np

from keras_hybrid.data.scan_folder import class_name
from keras_hybrid.utils.found_files import find_images


def choose_images(folder: pathlib.Path, count: int) -> list[pathlib.Path]:
    """Paths of at most `count` images, spread evenly over a folder.

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
    paths = find_images(folder)
    if not paths:
        raise FileNotFoundError(f"There is no image in {folder} or below.")
    indices = np.linspace(0, len(paths) - 1, min(count, len(paths))).round()
    return [paths[int(i)] for i in indices]


def labels_from_folders(
    paths: Sequence[pathlib.Path], class_names: Sequence[str]
) -> np.ndarray | None:
    """Labels of images, from the names of their folders.

    Args:
        paths: Image files.
        class_names: Names of the classes, in the order of the labels.

    Returns:
        Class numbers `(N,)`, or None if a folder is not named after a class.
    """
    folders = [class_name(path.parent) for path in paths]
    if not set(folders) <= set(class_names):
        return None
    return np.array([list(class_names).index(folder) for folder in folders])
