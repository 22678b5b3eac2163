"""A page whose figures and tables come with their numbers as CSV files."""

import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from keras_hybrid.utils.csv_rows import write_csv
from keras_hybrid.utils.page import Page


class CsvPage(Page):
    """A page, and the folder of its CSV files.

    Args:
        title: Heading of the page.
        summary: A paragraph under the heading.
        directory: Folder of the CSV files; created if it does not exist.
    """

    def __init__(self, title: str, summary: str, directory: str | pathlib.Path):
        super().__init__(title, summary)
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)

    def save(self, name: str, rows: Iterable[Mapping]) -> str:
        """Writes rows as a CSV file.

        Args:
            name: Name of the file.
            rows: Mappings; a row may lack columns of other rows.

        Returns:
            `name`, for the argument `csv` of `figure` and `table`.
        """
        rounded = (
            {key: _six_digits(value) for key, value in row.items()} for row in rows
        )
        write_csv(rounded, self.directory / name)
        return name


def _six_digits(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else value
