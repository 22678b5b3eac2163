"""Classes and splits of a folder of images."""

import pathlib
from collections.abc import Sequence

import numpy as np

from keras_hybrid.data.grouped_splits import grouped_split
from keras_hybrid.data.read_table import ImageRecord
from keras_hybrid.data.scan_folder import natural
from keras_hybrid.data.splits import stratified_split
from keras_hybrid.utils.names import few_names

TEST_SHARE = 0.2
"""Share of the images in the test split of a folder without one."""


def number_classes(
    listed: Sequence[ImageRecord], names: Sequence[str] = ()
) -> tuple[tuple[str, ...], np.ndarray]:
    """The classes, and the class number of every image.

    Args:
        listed: The images.
        names: The classes; empty takes those of the images, in natural order.
    """
    found = names or sorted({image.label for image in listed}, key=natural)
    number = {name: i for i, name in enumerate(found)}
    labels = [number[image.label] for image in listed]
    return tuple(found), np.array(labels, dtype="int64")


def split_indices(
    listed: Sequence[ImageRecord],
    labels: np.ndarray,
    groups: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the training and of the test images, both ascending.

    Args:
        listed: The images; if they have no split, a stratified fifth is for testing.
        labels: Their class numbers `(N,)`, or those of other strata.
        groups: Their group numbers `(N,)`, if there are any. A split that is given may
            tear groups apart, one that is made does not.

    Raises:
        ValueError: If no group can be spared for testing.
    """
    if listed[0].split is not None:
        test_split = np.array([image.split == "test" for image in listed])
        return np.flatnonzero(~test_split), np.flatnonzero(test_split)
    if groups is None:
        test, train = stratified_split(labels, TEST_SHARE, seed=0)
        return train, test
    test, train = grouped_split(labels, groups, TEST_SHARE, seed=0)
    if not len(test):
        raise ValueError(
            f"{len(np.unique(groups))} groups of {len(np.unique(labels))} classes "
            "cannot be split: every class lies in one group. Give a test split, or "
            "another --group-by."
        )
    return train, test


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
        training[image.label] += image.split not in ("validation", "test")
    no_split = all(image.split is None for image in listed)
    missing = [name for name, count in training.items() if not count]
    if missing:
        raise ValueError(
            f"{root}: no training images of {few_names(missing)}; add some, or remove "
            "the class from the other images, too."
        )
    single = [name for name, count in training.items() if no_split and count < 2]
    if single:
        raise ValueError(
            f"{root}: too few images of {few_names(single)}: one to train on and one "
            "to test on are needed."
        )
    if not no_split and all(image.split == "train" for image in listed):
        raise ValueError(f"{root}: there are no test images.")
