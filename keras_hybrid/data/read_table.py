"""Reads the table of a folder of images: `labels.csv` or a manifest."""

import os
import pathlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from keras_hybrid.data.split_names import SPLITS, joined, split_name
from keras_hybrid.data.table_rows import read_rows
from keras_hybrid.utils.files import IMAGE_SUFFIXES
from keras_hybrid.utils.found_files import FoundFiles
from keras_hybrid.utils.names import label_name

NO_LABEL = ";"
"""The label of an image with none of several classes."""

NO_SPLIT = "no split given"
"""What a layout says of images without splits."""

_FILE = ("path", "file")  # the column of a manifest, and of labels.csv
_BITS = {"0": False, "1": True, "0.0": False, "1.0": True}
_COLUMNS = {*_FILE, "label", "group", "split"}


class ImageRecord(NamedTuple):
    """An image file.

    Attributes:
        path: The file.
        label: Name of its class, names of its classes joined by `;`, or a number.
        split: `"train"`, `"validation"`, `"test"`, or None where there is no split.
        row: Its row in the table, by column; None of a folder without a table.
    """

    path: str
    label: str
    split: str | None
    row: Mapping[str, str] | None = None


class FolderScan(NamedTuple):
    """What a folder or its table holds.

    Attributes:
        images: The files; of a folder in an order that depends only on their names.
        layout: How classes and splits were found.
        left_out: What is not used; empty if all is.
    """

    images: list[ImageRecord]
    layout: str
    left_out: str = ""


def read_table(
    table: pathlib.Path, root: pathlib.Path, keep_absent: bool = False
) -> FolderScan:
    """Reads rows of `file,label[,group][,split]`, of `path,label` and so on.

    In place of `label` there may be a column of 0 and 1 for each class. Validation
    images are test images where no others are named.

    Args:
        table: The text file, with commas, semicolons, tabs or bars.
        root: The folder that paths are relative to, with `/` or `\\`.
        keep_absent: Whether files that are gone are listed, too, and no error.

    Returns:
        The files in the order of the table. Empty ones are left out.

    Raises:
        ValueError: If a column or value is missing or wrong, or a file is there twice.
        FileNotFoundError: If the table or a file that it names does not exist.
    """
    if not table.is_file():
        raise FileNotFoundError(f"There is no table {table}.")
    columns, rows, said = read_rows(table, _COLUMNS, root)
    key = next((name for name in _FILE if name in columns), "file")
    numbered = [(f"{table}, line {line}", row) for line, row in rows]
    has_header = not _COLUMNS.isdisjoint(columns)
    by_class = has_header and "label" not in columns
    classes = _class_columns(columns, numbered) if by_class else []
    found = {*columns, "label"} if classes else set(columns)
    missing = {key, "label"} - found
    if missing:
        raise ValueError(
            f"{table} lacks the column {' and '.join(sorted(missing))}; its first "
            "line must be file,label or file,label,split, or that of a manifest, "
            "path,label,group,split; or it has a column of 0 and 1 for each class."
        )
    for _, row in numbered if classes else ():
        chosen = [name for name in classes if _is_one(row[name])]
        row["label"] = ";".join(chosen) or NO_LABEL
    listed = [_record(where, row, key, root) for where, row in numbered]
    if not listed:
        raise ValueError(f"{table} lists no image.")
    _check_once(table, listed, [line for line, _ in rows])
    kept, left_out = _with_content(table, root, listed, keep_absent)
    kept = settle_splits(kept)
    given = {image.split for image in kept}
    splits = [split for split in SPLITS if split in given]
    layout = f"splits {joined(splits)}" if splits else NO_SPLIT
    return FolderScan(
        kept, ", ".join(filter(None, (table.name, said, layout))), left_out
    )


def settle_splits(listed: Iterable[ImageRecord]) -> list[ImageRecord]:
    """Test images are those for validation, if there are no others; training images
    alone are no split."""
    listed = list(listed)
    given = {image.split for image in listed}
    if given == {"train"}:
        return [image._replace(split=None) for image in listed]
    if "test" in given:
        return listed
    test = {"validation": "test"}
    return [x._replace(split=test.get(x.split or "", x.split)) for x in listed]


def _class_columns(
    columns: Sequence[str],
    numbered: Sequence[tuple[str, Mapping[str, str]]],
) -> list[str]:
    """The columns of 0 and 1.

    Raises:
        ValueError: If most of a column's cells are 0 or 1, and others are not.
    """
    found = []
    for name in columns:
        if name in _COLUMNS or not name:
            continue
        wrong = [x for x in numbered if x[1][name].strip() not in _BITS]
        if not wrong:
            found.append(name)
        elif 2 * len(wrong) < len(numbered):
            where, row = wrong[0]
            raise ValueError(f"{where}: {name} must be 0 or 1, not {row[name]!r}.")
    return found


def _is_one(cell: str) -> bool:
    return _BITS[cell.strip()]


def _record(
    where: str, row: dict[str, str], key: str, root: pathlib.Path
) -> ImageRecord:
    name, label = row[key].strip(), label_name(row["label"])
    if not name or not label:
        raise ValueError(f"{where}: {key} and label must not be empty.")
    split = None
    if "split" in row:
        said = split_name(row["split"])
        if said is None or said.of:
            raise ValueError(
                f"{where}: split must be train, test or validation, not "
                f"{row['split']!r}."
            )
        split = said.split
    path = root / name
    if "\\" in name and not path.exists():
        path = root / name.replace("\\", "/")
    if not name.isascii() and not path.exists():
        path = _other_form(path)
    return ImageRecord(str(path), label, split, row)


def _other_form(path: pathlib.Path) -> pathlib.Path:
    """A file whose name has its accents in another form of Unicode; or the path."""
    forms = (unicodedata.normalize(form, str(path)) for form in ("NFC", "NFD"))
    return next((x for x in map(pathlib.Path, forms) if x.exists()), path)


def _check_once(
    table: pathlib.Path, listed: Sequence[ImageRecord], lines: Sequence[int]
) -> None:
    seen: dict[str, int] = {}
    for i, image in enumerate(listed):
        first = seen.setdefault(os.path.normpath(image.path), i)
        if first == i:
            continue
        labels = listed[first].label, image.label
        several = labels[0] != labels[1]
        hint = "several classes of one image are one cell, as in cat;dog"
        raise ValueError(
            f"{table} lists {image.path} more than once: as {labels[0]} in line "
            f"{lines[first]}, as {labels[1]} in line {lines[i]}. Keep one line"
            f"{f'; {hint}' if several else ''}."
        )


def _with_content(
    table: pathlib.Path,
    root: pathlib.Path,
    listed: Sequence[ImageRecord],
    keep_absent: bool,
) -> tuple[list[ImageRecord], str]:
    """The images whose files are not empty, and what is said of the others."""
    absent = [image.path for image in listed if not os.path.isfile(image.path)]
    if absent and not keep_absent:
        named = (
            "a file that is" if len(absent) == 1 else f"{len(absent):,} files that are"
        )
        raise FileNotFoundError(
            f"{table} lists {named} not there, e.g. {', '.join(absent[:3])}; "
            f"{_cure(absent[0], root)}."
        )
    gone = set(absent)
    kept = [x for x in listed if x.path in gone or os.path.getsize(x.path)]
    names = {image.path for image in kept}
    empty = FoundFiles(empty=[x.path for x in listed if x.path not in names])
    if not kept:
        raise ValueError(f"{table}: all of the {len(listed):,} files are empty.")
    return kept, empty.left_out()


def _cure(path: str, root: pathlib.Path) -> str:
    suffix = next((x for x in IMAGE_SUFFIXES if os.path.isfile(path + x)), None)
    if suffix:
        return f"give names with their suffix, {suffix}"
    folder = pathlib.Path(path).parent
    names = (x.name.casefold() for x in folder.iterdir()) if folder.is_dir() else ()
    if os.path.basename(path).casefold() in names:
        return "write names in the same case as the files have"
    return f"give paths from {root}, or remove the lines"
