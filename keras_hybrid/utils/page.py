"""One HTML file with text, figures and tables, for large and small screens."""

import base64
import html
import io
import numbers
import pathlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d8dee4;
  --ground: #ffffff; --band: #f6f8fa; --link: #0b5fc1; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa4af;
  --line: #30363d; --ground: #0d1117; --band: #161b22; --link: #6cb2ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 68rem; color: var(--ink);
  background: var(--ground); overflow-wrap: anywhere; line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.2rem; line-height: 1.25; margin: 2.2rem 0 .4rem; padding-top: .8rem;
  border-top: 1px solid var(--line); }
p { max-width: 44rem; margin: .5rem 0; }
a { color: var(--link); }
nav { font-size: .9rem; display: flex; flex-wrap: wrap; gap: .2rem 1rem; }
.figures { display: grid; gap: 1rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); }
figure { margin: 0; min-width: 0; }
figure.wide { grid-column: 1 / -1; }
figure img { display: block; width: 100%; max-width: 34rem; height: auto;
  background: #fff; border: 1px solid var(--line); border-radius: .4rem; }
figure.wide img { max-width: 100%; }
.pictures { display: flex; flex-wrap: wrap; gap: .3rem; }
.pictures img { width: auto; max-width: 100%; }
figcaption, .caption { color: var(--soft); font-size: .85rem; margin: .3rem 0; }
.caption { margin-top: 1rem; }
.scroll { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; font-size: .85rem; overflow-wrap: normal; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: left;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
th { background: var(--band); }
.number { text-align: right; }
summary { cursor: pointer; color: var(--link); margin: .5rem 0; }
"""


class Page:
    """A page that grows from top to bottom and ends as one HTML file.

    Nothing outside the file is fetched to show it. Figures that follow each other
    share a row where the screen has room for more than one.

    Args:
        title: Heading of the page.
        summary: A paragraph under it.

    Example:
        >>> page = Page("ATC3", "On 1,000 images.").section("Training")
        >>> page.figure(figure, "Loss.").table([{"epoch": 1, "loss": 2.3}])
        >>> page.write("report.html")
    """

    def __init__(self, title: str, summary: str = ""):
        self.title = title
        self._headings: list[str] = []
        self._parts: list[str] = []
        self._figures: list[str] = []  # of the row that is open
        if summary:
            self.text(summary)

    def section(self, heading: str, text: str = "") -> "Page":
        """Begins a section, which the list at the top of the page names."""
        self._headings.append(heading)
        self._add(f'<h2 id="s{len(self._headings)}">{html.escape(heading)}</h2>')
        return self.text(text) if text else self

    def text(self, paragraph: str) -> "Page":
        """Adds a paragraph of plain text."""
        return self._add(f"<p>{html.escape(paragraph)}</p>")

    def figure(
        self,
        figure: "Figure",
        caption: str = "",
        wide: bool = False,
        picture: bool = False,
        csv: str | None = None,
    ) -> "Page":
        """Adds a matplotlib figure.

        Args:
            figure: The `matplotlib.figure.Figure`; it stays open. About 4.5 inches
                of width keep its letters readable on a phone.
            caption: A sentence under it.
            wide: Whether it takes a whole row.
            picture: Whether to store pixels (PNG) instead of lines (SVG), which
                is smaller where a figure shows images.
            csv: Path, from the page, of the file with its numbers.
        """
        kind = "png" if picture else "svg"
        metadata = None if picture else {"Date": None}
        buffer = io.BytesIO()
        figure.savefig(
            buffer, format=kind, dpi=150, bbox_inches="tight", metadata=metadata
        )
        data = base64.b64encode(buffer.getvalue()).decode()
        mime = "image/png" if picture else "image/svg+xml"
        words = html.escape(caption)
        self._figures.append(
            f"<figure{' class=wide' if wide else ''}>"
            f'<img alt="{words}" src="data:{mime};base64,{data}">'
            f"<figcaption>{words}{_link(csv)}</figcaption></figure>"
        )
        return self

    def pictures(self, pictures: Iterable[bytes], caption: str = "") -> "Page":
        """Adds JPEG files side by side, as one figure.

        Args:
            pictures: Their contents.
            caption: A sentence under them.
        """
        data = (base64.b64encode(picture).decode() for picture in pictures)
        images = "".join(f'<img alt="" src="data:image/jpeg;base64,{x}">' for x in data)
        self._figures.append(
            f'<figure><div class="pictures">{images}</div>'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        )
        return self

    def table(
        self,
        rows: Iterable[Mapping[str, object]],
        caption: str = "",
        folded: bool = False,
        csv: str | None = None,
    ) -> "Page":
        """Adds a table; one that is too wide scrolls by itself.

        Args:
            rows: Mappings whose keys head the columns; what a row lacks stays empty.
            caption: A sentence above it.
            folded: Whether the table opens only on a click, for a long one.
            csv: Path, from the page, of the file with its numbers.
        """
        rows = list(rows)
        heads = list(dict.fromkeys(key for row in rows for key in row))
        words = {key for row in rows for key in row if isinstance(row[key], str)}
        right = set(heads) - words
        body = [_row("th", {key: key for key in heads}, right)]
        body += [
            _row("td", {key: row.get(key, "") for key in heads}, right) for row in rows
        ]
        head = f'<p class="caption">{html.escape(caption)}{_link(csv)}</p>'
        table = f'{head}<div class="scroll"><table>{"".join(body)}</table></div>'
        if folded:
            summary = f"<summary>{html.escape(caption)} ({len(rows)} rows)</summary>"
            table = f"<details>{summary}{table}</details>"
        return self._add(table)

    def html(self) -> str:
        """The page as text."""
        self._close_row()
        places = "".join(
            f'<a href="#s{i}">{html.escape(heading)}</a>'
            for i, heading in enumerate(self._headings, 1)
        )
        title = html.escape(self.title)
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{title}</title><style>{_STYLE}</style></head>\n<body>"
            f"<h1>{title}</h1>\n<nav>{places}</nav>\n"
            + "\n".join(self._parts)
            + "\n</body></html>\n"
        )

    def write(self, path: str | pathlib.Path) -> pathlib.Path:
        """Writes the page and returns its path."""
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.html(), encoding="utf-8")
        return path

    def _add(self, part: str) -> "Page":
        self._close_row()
        self._parts.append(part)
        return self

    def _close_row(self) -> None:
        if self._figures:
            self._parts.append(f'<div class="figures">{"".join(self._figures)}</div>')
            self._figures = []


def _link(path: str | None) -> str:
    return f' <a href="{html.escape(path)}">numbers</a>' if path else ""


def _row(tag: str, cells: Mapping[str, object], right: set[str]) -> str:
    parts = (
        f"<{tag}{' class=number' if key in right else ''}>{_cell(value)}</{tag}>"
        for key, value in cells.items()
    )
    return f"<tr>{''.join(parts)}</tr>"


def _cell(value: object) -> str:
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return f"{int(value):,}"
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return f"{float(value):.4g}"
    return html.escape(str(value))
