"""Reads the table of a folder of images: `labels.csv` or a manifest."""

import contextlib
import csv
import os
import pathlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

TEST_NAMES = ("test", "val", "valid", "validation")
"""Names of a test split; the first that exists is the test split."""

_FILE = ("path", "file")  # the column of a manifest, and of labels.csv


class ImageRecord(NamedTuple):
    """An image file.

    Attributes:
        path: The file.
        label: Name of its class.
        split: `"train"`, `"validation"`, `"test"`, or None where there is no split.
        row: Its row in the table, by column; None of a folder without a table.
    """

    path: str
    label: str
    split: str | None
    row: Mapping[str, str] | None = None


def read_table(
    table: pathlib.Path, root: pathlib.Path
) -> tuple[list[ImageRecord], str]:
    """Reads rows of `path,label[,group][,split]` or `file,label[,split]`.

    A manifest, with the column `path`, may name validation images beside test images.
    With the column `file` these are left out.

    Args:
        table: The CSV file, with commas, semicolons or tabs.
        root: The folder that paths are relative to.

    Returns:
        The files in the order of the table; and a description of what was found.

    Raises:
        ValueError: If a column or a value is missing or wrong.
        FileNotFoundError: If the table or a file that it names does not exist.
    """
    if not table.is_file():
        raise FileNotFoundError(f"There is no table {table}.")
    with explain_encoding(table), open(table, newline="", encoding="utf-8-sig") as file:
        header = file.readline()
        file.seek(0)
        delimiter = max(",;\t", key=header.count)
        rows = csv.DictReader(file, delimiter=delimiter, skipinitialspace=True)
        columns = rows.fieldnames or ()
        key = next((name for name in _FILE if name in columns), "file")
        missing = {key, "label"} - set(columns)
        if missing:
            raise ValueError(
                f"{table} lacks the column {' and '.join(sorted(missing))}; its first "
                "line must be file,label or file,label,split, or that of a manifest, "
                "path,label,group,split."
            )
        where = f"{table}, line"
        listed = [_record(f"{where} {rows.line_num}", row, key, root) for row in rows]
    if not listed:
        raise ValueError(f"{table} lists no image.")
    twice = [name for name, n in Counter(x.path for x in listed).items() if n > 1]
    if twice:
        raise ValueError(f"{table} lists {twice[0]} more than once.")
    absent = [image.path for image in listed if not os.path.isfile(image.path)]
    if absent:
        raise FileNotFoundError(
            f"{table} lists {len(absent)} files that are not there, "
            f"e.g. {', '.join(absent[:3])}."
        )
    return _with_splits(listed, table.name, key == "path")


@contextlib.contextmanager
def explain_encoding(table: pathlib.Path) -> Iterator[None]:
    """Turns the error of a text that is not UTF-8 into one that says what to do."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{table} is no UTF-8 text; in a spreadsheet, save it as CSV UTF-8."
        ) from error


def _record(
    where: str, row: dict[str, str], key: str, root: pathlib.Path
) -> ImageRecord:
    name, label = (row[key] or "").strip(), (row["label"] or "").strip()
    if not name or not label:
        raise ValueError(f"{where}: {key} and label must not be empty.")
    split = None
    if "split" in row:
        split = (row["split"] or "").strip().casefold()
        if split not in ("train", *TEST_NAMES):
            raise ValueError(
                f"{where}: split must be train, test or validation, not "
                f"{row['split']!r}."
            )
    return ImageRecord(str(root / name), label, split, row)


def _with_splits(
    listed: list[ImageRecord], name: str, manifest: bool
) -> tuple[list[ImageRecord], str]:
    """The images of the splits that are taken, under the names of `ImageRecord`."""
    given = {image.split for image in listed}
    test = next((split for split in TEST_NAMES if split in given), None)
    if test is None:
        return [x._replace(split=None) for x in listed], f"{name}, no split given"
    kept: dict[str | None, str] = {"train": "train", test: "test"}
    if manifest:
        kept |= dict.fromkeys(TEST_NAMES[TEST_NAMES.index(test) + 1 :], "validation")
    found = f"{name}, splits train and {test}"
    if "validation" in [kept.get(split) for split in given]:
        found = f"{name}, splits train, validation and {test}"
    chosen = [x._replace(split=kept[x.split]) for x in listed if x.split in kept]
    return chosen, found
