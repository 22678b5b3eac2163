"""A table of a page, whose columns a reader can sort."""

import html
import numbers
import re
from collections.abc import Mapping, Sequence

_NUMBER = re.compile(r"[-+]?[\d,.]+(e[-+]?\d+)?( ?%)?|-")


def table_markup(rows: Sequence[Mapping[str, object]], label: str = "") -> str:
    """The markup of a table that scrolls by itself where it is too wide.

    Numbers, also as text or with a percent sign, stand to the right. The script of the
    page sorts the rows by the column whose heading is pressed.

    Args:
        rows: Mappings whose keys head the columns; what a row lacks stays empty.
        label: What the table shows, for screen readers.
    """
    heads = list(dict.fromkeys(key for row in rows for key in row))
    right = {key for key in heads if all(_is_number(row.get(key)) for row in rows)}
    head = "".join(
        f'<th scope="col"{_side(key, right)}>{html.escape(str(key))}</th>'
        for key in heads
    )
    body = "".join(_row(row, heads, right) for row in rows)
    words = html.escape(label or "Table")
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{words}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(row: Mapping[str, object], heads: Sequence[str], right: set[str]) -> str:
    first, *others = heads
    cells = f'<th scope="row"{_side(first, right)}>{_cell(row.get(first, ""))}</th>'
    cells += "".join(
        f"<td{_side(key, right)}>{_cell(row.get(key, ''))}</td>" for key in others
    )
    return f"<tr>{cells}</tr>"


def _side(key: str, right: set[str]) -> str:
    return " class=number" if key in right else ""


def _is_number(value: object) -> bool:
    return not isinstance(value, str) or bool(_NUMBER.fullmatch(value))


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return f"{int(value):,}"
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return f"{float(value):.4g}"
    return html.escape(str(value))
