"""A table of rows as aligned text."""

from collections.abc import Iterable, Mapping
from typing import Any


def text_table(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Aligned columns: the first to the left, the others to the right."""
    listed = list(rows)
    lines = [list(listed[0]), *([str(x) for x in row.values()] for row in listed)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
