"""Rows of measurements, kept in CSV files that grow."""

import csv
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any


def append_csv(rows: Sequence[Mapping[str, Any]], path: pathlib.Path) -> None:
    """Adds mappings with the same keys to a CSV file; a new one gets a header.

    Raises:
        ValueError: If the file has other columns.
    """
    header = ",".join(rows[0])
    new = not path.exists()
    if not new:
        with open(path, newline="") as file:
            if file.readline().rstrip() != header:
                raise ValueError(f"{path} has other columns: give another file.")
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        if new:
            writer.writeheader()
        writer.writerows(rows)
