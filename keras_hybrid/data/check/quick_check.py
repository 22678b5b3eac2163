"""The part of the check of a folder that every training run can afford."""

import os
import pathlib
import shlex
import time
from collections import defaultdict

from keras_hybrid.data.check.finding import counted
from keras_hybrid.data.check.read_image_files import CheckedImage
from keras_hybrid.data.check.sequences import name_series
from keras_hybrid.data.image_shapes import (
    ADVICE,
    FRAMES_ADVICE,
    LONG,
    is_long,
    sample_frames,
    sample_sizes,
)
from keras_hybrid.data.read_table import ImageRecord
from keras_hybrid.data.scan_folder import list_images
from keras_hybrid.utils.files import sha256
from keras_hybrid.utils.typing import Fit

SECONDS = 10.0
"""Longest time of the quick check."""


def quick_check(
    root: pathlib.Path,
    manifest: str | None = None,
    grouped: bool = False,
    seconds: float = SECONDS,
    fit: Fit = "crop",
    by_class: bool = True,
) -> list[str]:
    """Looks for copies under two labels or in two splits, series, long images, frames.

    Only files of equal size are read and hashed, and some headers read. Nothing is
    decoded.

    Args:
        root: A folder that `load("folder", root)` takes.
        manifest: Its table, if it is elsewhere.
        grouped: Whether the splits keep groups together, so that series do no harm.
        seconds: Time after which the files read so far have to do.
        fit: How training makes the images square.
        by_class: Whether each image has one class, so that a series has one, too.

    Returns:
        What to print: nothing if there is nothing to say, or if the folder cannot be
        read, of which the loader tells.
    """
    deadline = time.monotonic() + seconds
    try:
        listed = list_images(root, manifest).images
        groups = _identical(listed, deadline)
    except (ValueError, OSError):
        return []
    sizes = sample_sizes(listed) if fit == "crop" else []
    hint = [] if grouped else _series_hint(root, listed, by_class)
    labels = sum(len({x.label for x in group}) > 1 for group in groups)
    splits = sum(len({x.split for x in group}) > 1 for group in groups)
    said = []
    if labels:
        said.append(f"{counted(labels, 'image has', 'images have')} two labels")
    if splits:
        said.append(f"{counted(splits, 'image lies', 'images lie')} in two splits")
    lines = [f"Warning: {' and '.join(said)} (identical files)."] if said else []
    if long := sum(map(is_long, sizes)):
        lines.append(
            f"Warning: {long} of {counted(len(sizes), 'image', 'images')} looked at "
            f"are more than {LONG:g} times as long as wide, and --fit crop keeps less "
            f"than half of them; {ADVICE}"
        )
    frames = sample_frames(listed)
    if several := sum(count > 1 for count in frames):
        lines.append(
            f"Warning: {several} of {counted(len(frames), 'image', 'images')} looked "
            f"at have several frames or pages. {FRAMES_ADVICE}"
        )
    if lines:
        lines.append(f"  See all: keras-hybrid check {shlex.quote(str(root))}")
    return [*lines, *hint]


def _series_hint(
    root: pathlib.Path, listed: list[ImageRecord], by_class: bool
) -> list[str]:
    """A line if names suggest series, which random splits tear apart."""
    names = (os.path.relpath(record.path, root) for record in listed)
    images = [
        CheckedImage(name, record.label, record.split)
        for name, record in zip(names, listed, strict=True)
    ]
    series = name_series(images, by_class)
    if not series:
        return []
    return [
        f"Note: {counted(len(series), 'series', 'series')} of images by their names, "
        f"e.g. {series[0][0].name}. If they are frames of a video or images of one "
        "subject, --group-by auto keeps them on one side of every split.",
    ]


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
