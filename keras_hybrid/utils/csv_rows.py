"""CSV files of rows: written at once, or extended by rows of the same columns."""

import csv
import io
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from keras_hybrid.utils.files import write_atomically


def write_csv(
    rows: Iterable[Mapping[str, Any]],
    path: pathlib.Path,
    columns: Sequence[str] | None = None,
) -> None:
    """Writes mappings as a CSV file, atomically; missing keys give empty cells.

    Args:
        rows: The mappings.
        path: The file.
        columns: Names of the columns; None means all keys of the rows.
    """
    rows = list(rows)
    if columns is None:
        columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    # names of files need not be UTF-8
    content = text.getvalue().encode("utf-8", "surrogateescape")
    write_atomically(path, lambda part: part.write_bytes(content))


def append_csv(rows: Sequence[Mapping[str, Any]], path: pathlib.Path) -> None:
    """Adds mappings with the same keys to a CSV file; a new one gets a header.

    Raises:
        ValueError: If the file has other columns.
    """
    header = ",".join(rows[0])
    new = not path.exists()
    if not new:
        with open(path, newline="", encoding="utf-8") as file:
            if file.readline().rstrip() != header:
                raise ValueError(f"{path} has other columns: give another file.")
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        if new:
            writer.writeheader()
        writer.writerows(rows)
