"""A folder of images: one sub-folder per class, or a table `labels.csv`."""

import pathlib
from typing import BinaryIO

import numpy as np

from keras_hybrid.data.corrections import apply_corrections, describe_corrections
from keras_hybrid.data.dataset import Dataset, Split
from keras_hybrid.data.find_pixel_range import find_pixel_range
from keras_hybrid.data.folder_split import split_indices
from keras_hybrid.data.image_files import Corrupt, open_files
from keras_hybrid.data.image_groups import group_keys, image_groups
from keras_hybrid.data.layout_table import layout_table
from keras_hybrid.data.lazy_images import is_in_memory
from keras_hybrid.data.pixel_range import PixelRange
from keras_hybrid.data.read_table import NO_SPLIT, ImageRecord
from keras_hybrid.data.scan_folder import list_images
from keras_hybrid.data.split_names import joined
from keras_hybrid.data.targets import CLASSIFICATION, get_targets
from keras_hybrid.utils.names import few_names, readable
from keras_hybrid.utils.typing import Fit


def load_folder(
    data_dir: pathlib.Path | None,
    image_size: int | None,
    corrupt: Corrupt,
    fit: Fit = "crop",
    manifest: str | pathlib.Path | None = None,
    group_by: str = "none",
    task: str = CLASSIFICATION,
    pixel_range: tuple[float, float] | None = None,
    corrections: str | pathlib.Path | None = None,
) -> Dataset:
    """Loads the images of a folder.

    The folder holds one sub-folder of images per class, or such sub-folders in folders
    such as `train`, `val` and `test`, or a table, see `list_images`. Without a test
    split, that for validation is for testing, or else a stratified fifth (seed 0); with
    groups it consists of whole groups. What was understood is printed as a table, and
    what is left out.

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
        task: What the labels are, a key of `TARGETS`.
        pixel_range: The values of black and white in files of more than 8 bits; None
            finds them, see `find_pixel_range`.
        corrections: What a review says of the labels, see `apply_corrections`.

    Raises:
        ValueError: If the folder has another layout, a class has too few images,
            files cannot be decoded, an image size is needed, or groups are not found.
        ImportError: If grouping needs a package that is missing.
    """
    if data_dir is None:
        raise FileNotFoundError("A folder of images needs --data-dir.")
    listed, names, found, corrected = _listed(data_dir, manifest, corrections, task)
    targets = get_targets(task)
    group_keys(data_dir, listed, group_by)  # or ValueError, before images are decoded
    levels = _levels(data_dir, listed, pixel_range)
    paths = [image.path for image in listed]
    images, indices = open_files(paths, _open, image_size, corrupt, fit, levels)
    listed = [listed[index] for index in indices]
    targets.check(data_dir, listed, names)  # again, without the skipped files
    _, labels = targets.read(data_dir, listed, names)
    by_class = task == CLASSIFICATION
    groups = image_groups(data_dir, listed, group_by, by_class)
    every = Split(
        images,
        labels,
        paths=np.array([image.path for image in listed], dtype=object),
        groups=groups,
        held_out=_given_for_validation(listed),
    )
    train, test = split_indices(listed, targets.strata(labels), groups)
    made = "a stratified fifth (seed 0) for testing"
    if groups is not None:
        made += ", by whole groups"
    found = found.replace(NO_SPLIT, made)
    name = readable(data_dir.resolve().name)
    splits = every.select(train), every.select(test)
    dataset = Dataset(name, *splits, names, task, levels, corrected)
    print(_summary(dataset, found, not is_in_memory(images)))
    if corrected is not None:
        print(describe_corrections(corrected))
    if groups is not None:
        print(_group_summary(groups))
    return dataset


def _listed(
    data_dir: pathlib.Path,
    manifest: str | pathlib.Path | None,
    corrections: str | pathlib.Path | None,
    task: str,
) -> tuple[list[ImageRecord], tuple[str, ...], str, dict[str, int] | None]:
    """The images, their classes, how they were found, and what was corrected.

    A table of them is printed.
    """
    listed, found, left_out = list_images(data_dir, manifest)
    corrected = None
    if corrections is not None:
        if task != CLASSIFICATION:
            raise ValueError(f"--corrections move classes: leave it out of {task}.")
        file = pathlib.Path(corrections).expanduser()
        listed, corrected = apply_corrections(listed, data_dir, file)
    targets = get_targets(task)
    names, _ = targets.read(data_dir, listed, ())
    targets.check(data_dir, listed, names)
    print("\n".join([f"{data_dir}: {found}", *layout_table(listed, names, targets)]))
    if left_out:
        print(f"Left out: {left_out}")
    return listed, names, found, corrected


def _levels(
    data_dir: pathlib.Path,
    listed: list[ImageRecord],
    pixel_range: tuple[float, float] | None,
) -> PixelRange | None:
    """The range of files of more than 8 bits, which is printed; None of others."""
    trained = [image.path for image in listed if image.split != "test"]
    given = None if pixel_range is None else PixelRange(*pixel_range)
    deep = find_pixel_range(trained, given)
    if not deep:
        if given:
            raise ValueError(f"--pixel-range: all images of {data_dir} have 8 bits.")
        return None
    print(deep.text)
    return deep.range


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
    targets = get_targets(dataset.task)
    untested = targets.absent(dataset.test.labels, dataset.class_names)
    what = targets.describe(dataset.train.labels, dataset.class_names)
    held_out = dataset.train.held_out
    watched = 0 if held_out is None else int(held_out.sum())
    parts = [f"{len(dataset.train) - watched:,} training"]
    parts += [f"{watched:,} validation"] if watched else []
    parts.append(f"{len(dataset.test):,} test")
    return (
        f"{dataset.name}: {joined(parts)} images of {what} at {width}x{height} "
        f"({found})"
        + ("; decoded on demand" if lazy else "")
        + (f"; no test images of {few_names(untested)}" if untested else "")
    )
