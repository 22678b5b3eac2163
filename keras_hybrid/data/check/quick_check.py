"""The part of the check of a folder that every training run can afford."""

import os
import pathlib
import time
from collections import defaultdict

from keras_hybrid.data.check.finding import counted
from keras_hybrid.data.image_shapes import ADVICE, LONG, is_long, sample_sizes
from keras_hybrid.data.scan_folder import ImageRecord, list_images
from keras_hybrid.utils.files import sha256
from keras_hybrid.utils.typing import Fit

SECONDS = 10.0
"""Longest time of the quick check."""


def quick_check(
    root: pathlib.Path, seconds: float = SECONDS, fit: Fit = "crop"
) -> list[str]:
    """Looks for identical files under two labels or in both splits, and long images.

    Only files of equal size are read and hashed, and some headers read. Nothing is
    decoded.

    Args:
        root: A folder that `load("folder", root)` takes.
        seconds: Time after which the files read so far have to do.
        fit: How training makes the images square.

    Returns:
        What to print: nothing if there is nothing to say, or if the folder cannot be
        read, of which the loader tells.
    """
    deadline = time.monotonic() + seconds
    try:
        listed, _ = list_images(root)
        groups = _identical(listed, deadline)
    except (ValueError, OSError):
        return []
    sizes = sample_sizes(listed) if fit == "crop" else []
    labels = sum(len({x.label for x in group}) > 1 for group in groups)
    splits = sum({"train", "test"} <= {x.split for x in group} for group in groups)
    said = []
    if labels:
        said.append(f"{counted(labels, 'image has', 'images have')} two labels")
    if splits:
        copies = counted(splits, "image lies", "images lie")
        said.append(f"{copies} in the training and in the test split")
    lines = [f"Warning: {' and '.join(said)} (identical files)."] if said else []
    if long := sum(map(is_long, sizes)):
        lines.append(
            f"Warning: {long} of {counted(len(sizes), 'image', 'images')} looked at "
            f"are more than {LONG:g} times as long as wide, and --fit crop keeps less "
            f"than half of them; {ADVICE}"
        )
    return [*lines, f"  See all: keras-hybrid check {root}"] if lines else []


def _identical(listed: list[ImageRecord], deadline: float) -> list[list[ImageRecord]]:
    """Groups of files with the same content, as far as time allows."""
    sizes: dict[int, list[ImageRecord]] = defaultdict(list)
    for record in listed:
        sizes[os.path.getsize(record.path)].append(record)
    groups: dict[tuple[int, str], list[ImageRecord]] = defaultdict(list)
    for size, records in sizes.items():
        for record in records if len(records) > 1 else ():
            if time.monotonic() > deadline:
                break
            groups[size, sha256(pathlib.Path(record.path))].append(record)
    return [group for group in groups.values() if len(group) > 1]
