"""A folder of images: one sub-folder per class, or a table `labels.csv`."""

import pathlib
from typing import BinaryIO

import numpy as np

from keras_hybrid.data.dataset import Dataset, Split
from keras_hybrid.data.folder_split import (
    check_classes,
    few_names,
    number_classes,
    split_indices,
)
from keras_hybrid.data.image_files import Corrupt, open_files
from keras_hybrid.data.image_groups import group_keys, image_groups
from keras_hybrid.data.lazy_images import is_in_memory
from keras_hybrid.data.read_table import ImageRecord
from keras_hybrid.data.scan_folder import list_images
from keras_hybrid.utils.typing import Fit


def load_folder(
    data_dir: pathlib.Path | None,
    image_size: int | None,
    corrupt: Corrupt,
    fit: Fit = "crop",
    manifest: str | pathlib.Path | None = None,
    group_by: str = "none",
) -> Dataset:
    """Loads the images of a folder.

    The folder holds one sub-folder of images per class, or such sub-folders in `train`
    and in `test` (or `val`, `valid`, `validation`), or a table, see `read_table`.
    Without a test split a stratified fifth (seed 0) becomes the test split; with groups
    it consists of whole groups. A summary is printed.

    Each image is resized by `resize.resize_and_crop`: once if all fit in memory
    (`lazy_images.IN_MEMORY`), otherwise on demand. Classes are in natural order:
    "class 2", "class 10".

    Args:
        data_dir: The folder.
        image_size: Height and width that images are resized to; None keeps the size of
            the files, if all have the same.
        corrupt: Whether files that cannot be decoded are an error or left out.
        fit: How images of another aspect ratio fill the size.
        manifest: The table, whose paths are relative to `data_dir`; None means its
            `labels.csv`, if it has one.
        group_by: Which images a split must keep together, see `image_groups`.

    Raises:
        ValueError: If the folder has another layout, a class has too few images,
            files cannot be decoded, an image size is needed, or groups are not found.
        ImportError: If grouping needs a package that is missing.
    """
    if data_dir is None:
        raise FileNotFoundError("A folder of images needs --data-dir.")
    listed, found = list_images(data_dir, manifest)
    names, _ = number_classes(listed)
    check_classes(data_dir, listed, names)
    group_keys(data_dir, listed, group_by)  # or ValueError, before images are decoded
    images, indices = open_files(
        [image.path for image in listed], _open, image_size, corrupt, fit
    )
    listed = [listed[index] for index in indices]
    check_classes(data_dir, listed, names)  # again, without the skipped files
    _, labels = number_classes(listed)
    groups = image_groups(data_dir, listed, group_by)
    every = Split(
        images,
        labels,
        paths=np.array([image.path for image in listed], dtype=object),
        groups=groups,
        held_out=_given_for_validation(listed),
    )
    train, test = split_indices(listed, labels, groups)
    made = "a stratified fifth (seed 0) for testing"
    if groups is not None:
        made += ", by whole groups"
    found = found.replace("no split given", made)
    dataset = Dataset(
        data_dir.resolve().name, every.select(train), every.select(test), names
    )
    print(_summary(dataset, found, not is_in_memory(images)))
    if groups is not None:
        print(_group_summary(groups))
    return dataset


def _open(path: str) -> BinaryIO:
    return open(path, "rb")


def _given_for_validation(listed: list[ImageRecord]) -> np.ndarray | None:
    held_out = np.array([image.split == "validation" for image in listed])
    return held_out if held_out.any() else None


def _group_summary(groups: np.ndarray) -> str:
    counts = np.bincount(groups)
    several = counts[counts > 1]
    if not len(several):
        return "Groups: none of several images."
    return (
        f"Groups: {len(several):,} of {several.min():,} to {several.max():,} images, "
        f"and {(counts == 1).sum():,} single images."
    )


def _summary(dataset: Dataset, found: str, lazy: bool) -> str:
    _, height, width, _ = dataset.train.images.shape
    tested = set(dataset.test.labels.tolist())
    untested = [n for i, n in enumerate(dataset.class_names) if i not in tested]
    return (
        f"{dataset.name}: {len(dataset.train):,} training and {len(dataset.test):,} "
        f"test images of {len(dataset.class_names)} classes at {width}x{height} "
        f"({found})"
        + ("; decoded on demand" if lazy else "")
        + (f"; no test images of {few_names(untested)}" if untested else "")
    )
