"""A folder of images: one sub-folder per class, or a table `labels.csv`."""

import pathlib
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from keras_hybrid.data.dataset import Dataset, Split
from keras_hybrid.data.image_files import Corrupt, open_files
from keras_hybrid.data.lazy_images import is_in_memory
from keras_hybrid.data.scan_folder import ImageRecord, list_images, natural
from keras_hybrid.data.splits import stratified_split
from keras_hybrid.utils.typing import Fit

TEST_SHARE = 0.2
"""Share of the images in the test split of a folder without one."""


def load_folder(
    data_dir: pathlib.Path | None,
    image_size: int | None,
    corrupt: Corrupt,
    fit: Fit = "crop",
) -> Dataset:
    """Loads the images of a folder.

    The folder holds one sub-folder of images per class, or such sub-folders in `train`
    and in `test` (or `val`, `valid`, `validation`), or `labels.csv` with the columns
    `file,label` or `file,label,split`. Without a test split a stratified fifth (seed 0)
    becomes the test split. A summary is printed.

    Each image is resized by `resize.resize_and_crop`: once if all fit in memory
    (`lazy_images.IN_MEMORY`), otherwise on demand. Classes are in natural order:
    "class 2", "class 10".

    Args:
        data_dir: The folder.
        image_size: Height and width that images are resized to; None keeps the size of
            the files, if all have the same.
        corrupt: Whether files that cannot be decoded are an error or left out.
        fit: How images of another aspect ratio fill the size.

    Raises:
        ValueError: If the folder has another layout, a class has too few images,
            files cannot be decoded, or an image size is needed.
    """
    if data_dir is None:
        raise FileNotFoundError("A folder of images needs --data-dir.")
    listed, found = list_images(data_dir)
    names, _ = number_classes(listed)
    check_classes(data_dir, listed, names)
    images, indices = open_files(
        [image.path for image in listed], _open, image_size, corrupt, fit
    )
    listed = [listed[index] for index in indices]
    check_classes(data_dir, listed, names)  # again, without the skipped files
    _, labels = number_classes(listed)
    every = Split(images, labels)
    train, test = split_indices(listed, labels)
    found = found.replace("no split given", "a stratified fifth (seed 0) for testing")
    dataset = Dataset(
        data_dir.resolve().name, every.select(train), every.select(test), names
    )
    print(_summary(dataset, found, not is_in_memory(images)))
    return dataset


def _open(path: str) -> BinaryIO:
    return open(path, "rb")


def number_classes(
    listed: Sequence[ImageRecord],
) -> tuple[tuple[str, ...], np.ndarray]:
    """The classes in natural order, and the class number of every image."""
    names = tuple(sorted({image.label for image in listed}, key=natural))
    number = {name: i for i, name in enumerate(names)}
    return names, np.array([number[image.label] for image in listed], dtype="int64")


def split_indices(
    listed: Sequence[ImageRecord], labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the training and of the test images, both ascending.

    Args:
        listed: The images; if they have no split, a stratified fifth is for testing.
        labels: Their class numbers `(N,)`.
    """
    if listed[0].split is None:
        test, train = stratified_split(labels, TEST_SHARE, seed=0)
        return train, test
    splits = np.array([image.split for image in listed])
    return np.flatnonzero(splits == "train"), np.flatnonzero(splits == "test")


def check_classes(
    root: pathlib.Path, listed: list[ImageRecord], names: tuple[str, ...]
) -> None:
    """Checks that every class has images to train and to test on.

    Raises:
        ValueError: If a class has too few, or there is one class or no test image.
    """
    if len(names) < 2:
        inner = root / names[0]
        folders = inner.is_dir() and any(path.is_dir() for path in inner.iterdir())
        hint = f" Did you mean --data-dir {inner}?" if folders else ""
        raise ValueError(f"{root} holds one class, {names[0]}; two are needed.{hint}")
    training = {name: 0 for name in names}
    for image in listed:
        training[image.label] += image.split != "test"
    no_split = all(image.split is None for image in listed)
    missing = [name for name, count in training.items() if not count]
    if missing:
        raise ValueError(
            f"{root}: no training images of {_few(missing)}; add some, or remove the "
            "class from the test images, too."
        )
    single = [name for name, count in training.items() if no_split and count < 2]
    if single:
        raise ValueError(
            f"{root}: too few images of {_few(single)}: one to train on and one to "
            "test on are needed."
        )
    if not no_split and all(image.split == "train" for image in listed):
        raise ValueError(f"{root}: there are no test images.")


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 5} more classes" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _summary(dataset: Dataset, found: str, lazy: bool) -> str:
    _, height, width, _ = dataset.train.images.shape
    tested = set(dataset.test.labels.tolist())
    untested = [n for i, n in enumerate(dataset.class_names) if i not in tested]
    return (
        f"{dataset.name}: {len(dataset.train):,} training and {len(dataset.test):,} "
        f"test images of {len(dataset.class_names)} classes at {width}x{height} "
        f"({found})"
        + ("; decoded on demand" if lazy else "")
        + (f"; no test images of {_few(untested)}" if untested else "")
    )
