"""`corrections.csv`: labels that a review of a folder confirmed, moved or dropped."""

import os
import pathlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from keras_hybrid.data.read_table import ImageRecord
from keras_hybrid.data.table_rows import read_rows
from keras_hybrid.utils.names import label_name

FILE = "corrections.csv"
COLUMNS = ("path", "label", "action", "new_label")
ACTIONS = ("confirm", "move", "drop")


class Correction(NamedTuple):
    """What a review says of an image.

    Attributes:
        where: File and line, for messages.
        path: The image, relative to the folder.
        label: Its class when it was reviewed.
        action: `"confirm"`, `"move"` or `"drop"`.
        new_label: The class to move it to; empty for other actions.
    """

    where: str
    path: str
    label: str
    action: str
    new_label: str


def read_corrections(table: pathlib.Path) -> list[Correction]:
    """Reads rows of `path,label,action,new_label`; rows without an action are left out.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a column is missing, an action is unknown, `move` names no new
            class, or an image has two rows.
    """
    if not table.is_file():
        raise FileNotFoundError(f"There is no file of corrections {table}.")
    columns, rows, _ = read_rows(table, COLUMNS)
    if missing := [name for name in COLUMNS if name not in columns]:
        raise ValueError(
            f"{table} lacks the column {' and '.join(missing)}; the page of "
            f"keras-hybrid review saves {','.join(COLUMNS)}."
        )
    found = [_correction(f"{table}, line {line}", row) for line, row in rows]
    found = [correction for correction in found if correction.action]
    twice = [path for path, n in Counter(x.path for x in found).items() if n > 1]
    if twice:
        raise ValueError(f"{table} corrects {twice[0]} more than once.")
    return found


def _correction(where: str, row: Mapping[str, str]) -> Correction:
    path, label, action, new_label = (row[name].strip() for name in COLUMNS)
    label, new_label = label_name(label), label_name(new_label)
    action = action.casefold()
    if action and action not in ACTIONS:
        raise ValueError(
            f"{where}: the action must be {', '.join(ACTIONS)} or empty, not {action}."
        )
    if action == "move" and not new_label:
        raise ValueError(f"{where}: move needs the class in the column new_label.")
    return Correction(where, path, label, action, new_label if action == "move" else "")


def apply_corrections(
    listed: Sequence[ImageRecord], root: pathlib.Path, table: pathlib.Path
) -> tuple[list[ImageRecord], dict[str, int]]:
    """Moves images to other classes and leaves others out; no file changes.

    Args:
        listed: The images of a folder.
        root: The folder.
        table: The corrections, see `read_corrections`.

    Returns:
        The images that are left; and how many were confirmed, moved and dropped, by
        action.

    Raises:
        FileNotFoundError: If there is no such table.
        ValueError: If it is damaged, an image is not in the folder or has another class
            than it had at the review, or no image has the new class.
    """
    found = read_corrections(table)
    classes = {image.label for image in listed}
    records = {os.path.abspath(image.path): image for image in listed}
    corrected: dict[str, ImageRecord | None] = {}
    for correction in found:
        path = os.path.abspath(root / correction.path)
        image = records.get(path)
        if image is None:
            raise ValueError(
                f"{correction.where}: {correction.path} is no image of {root}."
            )
        if correction.new_label and correction.new_label not in classes:
            raise ValueError(
                f"{correction.where}: {correction.new_label} is no class of {root}."
            )
        if image.label not in (correction.label, correction.new_label):
            raise ValueError(
                f"{correction.where}: {correction.path} is of class {image.label} now, "
                f"and was of {correction.label} at the review; review it again."
            )
        new = correction.new_label or image.label
        moved = image._replace(label=new)
        corrected[path] = None if correction.action == "drop" else moved
    kept = (corrected.get(os.path.abspath(image.path), image) for image in listed)
    counts = Counter(correction.action for correction in found)
    return [image for image in kept if image], {x: counts[x] for x in ACTIONS}


def describe_corrections(counts: Mapping[str, int]) -> str:
    """A sentence about what `apply_corrections` counted."""
    moved, dropped = counts["move"], counts["drop"]
    return (
        f"Corrections: {moved:,} moved to another class, {dropped:,} left out, "
        f"{counts['confirm']:,} confirmed."
    )
