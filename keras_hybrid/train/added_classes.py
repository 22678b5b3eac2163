"""The images of a run that adds classes: old classes first, and no image tested on
that the earlier run was trained on."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_hybrid.data import Dataset, Split
from keras_hybrid.data.lazy_images import LazyImages, Subset


def with_earlier_classes(
    dataset: Dataset, names: Sequence[str], earlier: Dataset | None
) -> Dataset:
    """The dataset with the classes of an earlier run, in its order, before new ones.

    Images that the earlier run was trained on are trained on, and those that it was
    tested on are tested on. They are known by their contents.

    Args:
        dataset: The images of this run.
        names: Classes of the earlier run; they need no images here.
        earlier: The images of the earlier run, if they are still there.
    """
    known = set(names)
    every = (*names, *(x for x in dataset.class_names if x not in known))
    numbers = np.array([every.index(name) for name in dataset.class_names])
    train, test = (
        dataclasses.replace(split, labels=numbers[split.labels])
        for split in (dataset.train, dataset.test)
    )
    if earlier:
        train, test = _same_sides(
            train, test, dataset.image_digests(), earlier.image_digests()
        )
    return dataclasses.replace(dataset, train=train, test=test, class_names=every)


def _same_sides(
    train: Split,
    test: Split,
    digests: tuple[np.ndarray, np.ndarray],
    earlier: tuple[np.ndarray, np.ndarray],
) -> tuple[Split, Split]:
    """Both splits after the images that the earlier run knows changed sides.

    Args:
        train, test: The splits.
        digests: `Dataset.image_digests` of them.
        earlier: The same of the earlier run.
    """
    old_train, old_test = earlier
    to_test = np.isin(digests[0], np.setdiff1d(old_test, old_train))
    to_train = np.isin(digests[1], old_train)
    rest = (
        train.select(np.flatnonzero(~to_test)),
        test.select(np.flatnonzero(~to_train)),
    )
    moved = train.select(np.flatnonzero(to_test)), test.select(np.flatnonzero(to_train))
    return _joined(rest[0], moved[1]), _joined(rest[1], moved[0])


def _joined(first: Split, second: Split) -> Split:
    """The images of both splits, which have the same columns."""
    if not len(second):
        return first
    pairs = (
        (getattr(first, name), getattr(second, name))
        for name in ("paths", "groups", "held_out")
    )
    rows = (
        None if a is None or b is None else np.concatenate([a, b]) for a, b in pairs
    )
    labels = np.concatenate([first.labels, second.labels])
    return Split(_joined_images(first.images, second.images), labels, *rows)


def _joined_images(
    first: np.ndarray | LazyImages, second: np.ndarray | LazyImages
) -> np.ndarray | LazyImages:
    match first, second:
        case Subset(base=base), Subset(base=other) if base is other:
            return Subset(base, np.concatenate([first.indices, second.indices]))
    return np.concatenate([first[:], second[:]])
