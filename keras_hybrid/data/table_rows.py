"""Rows of a text table: its encoding, its separator and the number of its cells."""

import codecs
import csv
import functools
import io
import pathlib
import re
from collections.abc import Collection
from typing import NamedTuple

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, with which it begins
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SAVE = "in a spreadsheet, save it as CSV UTF-8"


class TableRows(NamedTuple):
    """A text table.

    Attributes:
        columns: What the first line says.
        rows: The line of each row, from 1, and its cells by column; none if no column
            is known.
        said: How it is written, if not in UTF-8 with commas.
    """

    columns: tuple[str, ...]
    rows: list[tuple[int, dict[str, str]]]
    said: str


def read_rows(
    table: pathlib.Path, known: Collection[str], root: pathlib.Path | None = None
) -> TableRows:
    """Reads a table of cells separated by commas, semicolons, tabs or bars.

    Args:
        table: The file, in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.
        known: Columns that are looked for, in any case.
        root: A folder of files whose names, in cells, need not be UTF-8.

    Raises:
        ValueError: If it is no such text, or a row has more or fewer cells than the
            first line.
    """
    text, encoding, fault = _decode(table)
    separator = ""
    if told := re.match(r'"?sep=(.)"?\r?\n', text):  # a line for Excel
        separator, text = told[1], "\n" + text[told.end() :]
    separator = separator or _separator(text, known)
    lines = _cells(table, text, separator)
    if not lines:
        raise ValueError(f"{table} is empty.")
    (_, header), *rest = lines
    lowered = [name.strip().casefold() for name in header]
    columns = [
        low if low in known else name.strip()
        for low, name in zip(lowered, header, strict=True)
    ]
    while columns and not columns[-1]:
        columns.pop()
    twice = {name for name in columns if columns.count(name) > 1}
    if twice:
        raise ValueError(
            f"{table} has two columns {min(twice)!r}: remove or rename one."
        )
    rows = []
    if not set(columns) & set(known):
        rest = []  # no header, of which the caller tells
    for line, cells in rest:
        while len(cells) > len(columns) and not cells[-1].strip():
            cells.pop()
        if len(cells) != len(columns):
            named = _SEPARATORS.get(separator, repr(separator))
            more = f"put a cell that has a {named} in it in quotes"
            cure = more if len(cells) > len(columns) else f"add a {named} for each"
            raise ValueError(
                f"{table}, line {line}, has {len(cells)} of {len(columns)} cells "
                f"({', '.join(columns)}); {cure}."
            )
        rows.append((line, dict(zip(columns, cells, strict=True))))
    every = (*columns, *(x for _, row in rows for x in row.values()))
    if fault and not all(map(functools.partial(_is_text_or_file, root), every)):
        raise fault
    said = [] if encoding == "utf-8" else [encoding.upper()]
    if separator != ",":
        said.append(f"separated by {_SEPARATORS.get(separator, repr(separator))}s")
    return TableRows(tuple(columns), rows, ", ".join(said))


def _decode(table: pathlib.Path) -> tuple[str, str, ValueError | None]:
    """The text, its encoding, and the error if names of files alone may be no UTF-8."""
    content = table.read_bytes()
    if content.startswith(_SPREADSHEETS):
        raise ValueError(f"{table} is a spreadsheet, no text: save it as CSV UTF-8.")
    marks = (mark for mark in _MARKS if content.startswith(mark))
    encoding = _MARKS.get(next(marks, b""), "utf-8")
    fault = None
    try:
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        fault = ValueError(
            f"{table}, line {line}, is no {encoding.upper()} text, perhaps of a "
            f"Windows code page; {_SAVE}."
        )
        if encoding != "utf-8":
            raise fault from error
        text = content.decode("utf-8-sig", "surrogateescape")
    if "\0" in text:
        raise ValueError(f"{table} is no UTF-8 text, perhaps UTF-16; {_SAVE}.")
    return text, encoding, fault


def _is_text_or_file(root: pathlib.Path | None, cell: str) -> bool:
    """Whether a cell is UTF-8, or the name of a file that is there."""
    if not any("\udc80" <= x <= "\udcff" for x in cell):
        return True
    return root is not None and (root / cell.strip()).is_file()


def _separator(text: str, known: Collection[str]) -> str:
    """The separator with which the first line has most of the known columns."""
    first = next((line for line in text.splitlines() if line.strip()), "")

    def fits(separator: str) -> tuple[int, int]:
        cells = next(csv.reader([first], delimiter=separator))
        return len({x.strip().casefold() for x in cells} & set(known)), len(cells)

    return max(_SEPARATORS, key=fits)


def _cells(
    table: pathlib.Path, text: str, separator: str
) -> list[tuple[int, list[str]]]:
    """The line and the cells of each row; empty rows are passed over."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True
    )
    rows, line = [], 1
    try:
        for cells in reader:
            if any("\n" in cell or "\r" in cell for cell in cells):
                raise ValueError(
                    f"{table}, line {line}: a cell goes on in the next line; close its "
                    "quotes."
                )
            if any(cell.strip() for cell in cells):
                rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{table}, line {line}: {error}.") from error
    return rows
