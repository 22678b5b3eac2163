"""Which image files to look at, and what their folders say of them."""

import pathlib
from collections.abc import Sequence

import numpy as np

from keras_hybrid.utils.files import find_images


def choose_pictures(folder: pathlib.Path, count: int) -> list[pathlib.Path]:
    """Paths of `count` images at most, evenly spread over a folder.

    Args:
        folder: Images, or folders of images, one a class.
        count: How many, at most.

    Raises:
        FileNotFoundError: If the folder is none, or holds no image.
        ValueError: If `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"count must be 1 or more, not {count}.")
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    every = find_images(folder)
    if not every:
        raise FileNotFoundError(f"There is no image in {folder} or below.")
    places = np.linspace(0, len(every) - 1, min(count, len(every))).round()
    return [every[int(i)] for i in places]


def labels_of(
    paths: Sequence[pathlib.Path], class_names: Sequence[str]
) -> np.ndarray | None:
    """Class of each image by the name of its folder; None unless all are known."""
    folders = [path.parent.name for path in paths]
    if not set(folders) <= set(class_names):
        return None
    return np.array([list(class_names).index(folder) for folder in folders])
