"""Groups of images that a split must not tear apart: copies, frames, patients."""

import os
import pathlib
import re
from collections.abc import Sequence

import numpy as np

from keras_hybrid.data.check.duplicates import duplicate_findings
from keras_hybrid.data.check.groups import indices_of, number_groups
from keras_hybrid.data.check.read_image_files import read_image_files
from keras_hybrid.data.check.sequences import sequence_findings
from keras_hybrid.data.read_table import ImageRecord
from keras_hybrid.utils.optional import require


def image_groups(
    root: pathlib.Path,
    listed: Sequence[ImageRecord],
    group_by: str,
    by_class: bool = True,
) -> np.ndarray | None:
    """The group of every image.

    Copies of an image, as `check_folder` finds them, always share a group. An image to
    which nothing applies is a group of its own.

    Args:
        root: The folder.
        listed: Its images.
        group_by: `"auto"` for the sequences that `check_folder` suspects; `"parent"`
            for the folder of each file; a column of the table; or a regular expression
            with a group in parentheses, which is searched in the path from `root`, with
            `/`. `"none"` takes the column `group` of a manifest as it is.
        by_class: Whether a sequence has one label, see `sequence_findings`.

    Returns:
        Group numbers `(N,)`, from 0 in the order of the images; None if nothing groups
        them.

    Raises:
        ImportError: If a package is missing.
        ValueError: If `group_by` is neither, or matches no image.
    """
    if group_by == "none":
        return _of_manifest(listed)
    require_packages()
    together = _same(group_keys(root, listed, group_by))
    images = read_image_files(root, listed)
    readable = [image for image in images if not image.error]
    findings, _ = duplicate_findings(readable)
    if group_by == "auto":
        findings += sequence_findings(readable, by_class)
    together += indices_of(findings, images)
    return number_groups(len(listed), together)


def group_keys(
    root: pathlib.Path, listed: Sequence[ImageRecord], group_by: str
) -> list[str]:
    """What names and table say about the group of every image; empty for nothing.

    Args:
        root, listed, group_by: As for `image_groups`. No image is read.

    Raises:
        ValueError: If `group_by` is neither, or matches no image.
    """
    if group_by in ("none", "auto"):
        return [""] * len(listed)
    names = _names(root, listed)
    if group_by == "parent":
        return [os.path.dirname(name) for name in names]
    return _column(listed, group_by) or _matches(names, group_by)


def require_packages() -> None:
    """Checks the packages that grouping needs.

    Raises:
        ImportError: If one is missing.
    """
    require("imagehash", "sklearn", extra="check", what="--group-by")


def _names(root: pathlib.Path, listed: Sequence[ImageRecord]) -> list[str]:
    return [
        pathlib.Path(os.path.relpath(image.path, root)).as_posix() for image in listed
    ]


def _of_manifest(listed: Sequence[ImageRecord]) -> np.ndarray | None:
    """Groups by the columns `path` and `group`, if there are both."""
    rows = [image.row or {} for image in listed]
    if not all("path" in row and "group" in row for row in rows):
        return None
    keys = [(row["group"] or "").strip() for row in rows]
    return number_groups(len(listed), _same(keys)) if any(keys) else None


def _column(listed: Sequence[ImageRecord], column: str) -> list[str]:
    """The values of a column; nothing if the table has no such column."""
    rows = [image.row or {} for image in listed]
    if column not in rows[0]:
        return []
    return [(row[column] or "").strip() for row in rows]


def _matches(names: Sequence[str], pattern: str) -> list[str]:
    """What the groups of a regular expression match; empty where it does not."""
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"--group-by {pattern} is neither a column of the table nor a regular "
            f"expression: {error}."
        ) from error
    if not expression.groups:
        raise ValueError(
            f"--group-by {pattern} is no column of the table. As a regular expression "
            r"it needs the group in parentheses, e.g. '(.*)_\d+'."
        )
    found = [expression.search(name) for name in names]
    if not any(found):
        raise ValueError(
            f"--group-by {pattern} matches no image, e.g. not {names[0]}; it is "
            "searched in the path from the folder."
        )
    matched = [[x or "" for x in m.groups()] if m else [] for m in found]
    return ["\0".join(parts) if any(parts) else "" for parts in matched]


def _same(keys: Sequence[str]) -> list[list[int]]:
    """The indices of each key; empty keys stand for no group."""
    found: dict[str, list[int]] = {}
    for index, key in enumerate(keys):
        if key:
            found.setdefault(key, []).append(index)
    return list(found.values())
