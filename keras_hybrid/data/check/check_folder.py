"""Checks a folder of images before a network trains on it."""

import dataclasses
import os
import pathlib
from collections.abc import Sequence

from keras_hybrid.data.check.class_findings import (
    class_counts,
    class_findings,
    unreadable_finding,
)
from keras_hybrid.data.check.duplicates import duplicate_findings
from keras_hybrid.data.check.finding import Finding, FolderCheck, by_severity
from keras_hybrid.data.check.groups import indices_of, number_groups
from keras_hybrid.data.check.image_facts import image_facts, image_findings
from keras_hybrid.data.check.near_duplicates import MOST_PAIRS
from keras_hybrid.data.check.read_image_files import CheckedImage, read_image_files
from keras_hybrid.data.check.sequences import sequence_findings
from keras_hybrid.data.check.shortcuts import shortcut_findings
from keras_hybrid.data.check.strays import stray_findings
from keras_hybrid.data.folder_split import split_indices
from keras_hybrid.data.read_table import ImageRecord
from keras_hybrid.data.scan_folder import list_images
from keras_hybrid.data.targets import CLASSIFICATION, TargetReader, get_targets
from keras_hybrid.utils.optional import require
from keras_hybrid.utils.typing import Fit

_NOT_CHECKED = (
    "Whether labels are right, beyond copies under two labels: keras-hybrid review.",
    "Copies that are mirrored, turned, recoloured, or cropped by more than 3 %.",
)


def check_folder(
    path: str | pathlib.Path,
    quiet: bool = False,
    fit: Fit = "crop",
    task: str = CLASSIFICATION,
    manifest: str | pathlib.Path | None = None,
) -> FolderCheck:
    """Looks for what would stop or spoil training on a folder of images.

    These are unreadable images; identical files and near-duplicates, under two labels
    or on both sides of the split; few images of a class and imbalance; images of one
    colour, of unusual size or colour mode, so long that a crop cuts them, or with an
    EXIF orientation; files that are not used; suspected sequences; and shortcuts, cues
    such as a border that tell the classes. The files are only read.

    Without a test split, the split is the one that training makes of these images.

    Args:
        path: A folder that `load("folder", path)` takes.
        quiet: Whether no progress is printed.
        fit: How training makes the images square.
        task: What the labels are, a key of `TARGETS`. Shortcuts are looked for in
            classification only.
        manifest: The table of the images, if it is not the folder's `labels.csv`.

    Returns:
        What was found. A layout that training refuses is a finding, too.

    Raises:
        FileNotFoundError: If there is no such folder.
        ImportError: If ImageHash or scikit-learn is missing.

    Example:
        >>> check = check_folder("photos")
        >>> [finding.message for finding in check.of("error")]
    """
    root = pathlib.Path(path).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is not a folder of images.")
    require("imagehash", "sklearn", extra="check", what="The check of a folder")
    try:
        listed, layout, _ = list_images(root, manifest)  # strays name the rest
    except (ValueError, FileNotFoundError) as error:
        found = Finding("layout", "error", str(error))
        why = "No image, because the layout of the folder is not understood."
        return FolderCheck(root, "unknown", {}, 0, {}, (found,), (why,))
    images = read_image_files(root, listed, quiet)
    return _check(root, listed, layout, images, fit, task)


def _check(
    root: pathlib.Path,
    listed: list[ImageRecord],
    layout: str,
    images: list[CheckedImage],
    fit: Fit,
    task: str,
) -> FolderCheck:
    targets = get_targets(task)
    readable = [image for image in images if not image.error]
    found = unreadable_finding(images)
    good = [x for x, image in zip(listed, images, strict=True) if not image.error]
    try:
        names, _ = targets.read(root, listed, ())
        targets.check(root, good, names)
    except ValueError as error:
        found.append(Finding("classes", "error", str(error)))
    else:
        if good[0].split is None:
            readable = _with_planned_split(root, readable, good, targets)
            layout += ": a stratified fifth (seed 0) for testing"
    counts = class_counts(readable, targets)
    copies, complete = duplicate_findings(readable)
    found += copies
    found += class_findings(counts) if counts else []
    sequences = sequence_findings(readable, task == CLASSIFICATION)
    found += image_findings(readable, fit) + sequences
    together = indices_of([*copies, *sequences], readable)
    if task == CLASSIFICATION:
        found += shortcut_findings(readable, number_groups(len(readable), together))
    found += stray_findings(root, (os.path.join(root, x.name) for x in images))
    limit = f"Look-alike pairs beyond the first {MOST_PAIRS:,}."
    unchecked = _NOT_CHECKED if complete else (*_NOT_CHECKED, limit)
    facts = image_facts(readable)
    many = len(readable)
    return FolderCheck(root, layout, counts, many, facts, by_severity(found), unchecked)


def _with_planned_split(
    root: pathlib.Path,
    images: Sequence[CheckedImage],
    listed: list[ImageRecord],
    targets: TargetReader,
) -> list[CheckedImage]:
    """The images with the split that training makes where the folder has none."""
    _, labels = targets.read(root, listed, ())
    train, test = split_indices(listed, targets.strata(labels))
    split = dict.fromkeys(train.tolist(), "train") | dict.fromkeys(
        test.tolist(), "test"
    )
    return [
        dataclasses.replace(image, split=split[index])
        for index, image in enumerate(images)
    ]
