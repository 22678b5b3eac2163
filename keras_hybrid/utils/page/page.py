"""One HTML file with text, figures and tables, for large and small screens."""

import base64
import html
import importlib.resources
import io
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from keras_hybrid.utils.files import write_atomically
from keras_hybrid.utils.fonts import save_figure
from keras_hybrid.utils.page.chart import Line, chart_markup
from keras_hybrid.utils.page.gallery import Picture, gallery_markup
from keras_hybrid.utils.page.table import table_markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
        layout = {"format": kind, "dpi": 150, "bbox_inches": "tight"}
        save_figure(figure, buffer, **layout, metadata=metadata)
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

        A reader sorts it by pressing the heading of a column.

        Args:
            rows: Mappings whose keys head the columns; what a row lacks stays empty.
                Without rows nothing is added.
            caption: A sentence above it.
            folded: Whether the table opens only on a click, for a long one.
            csv: Path, from the page, of the file with its numbers.
        """
        rows = list(rows)
        if not rows:
            return self
        head = f'<p class="caption">{html.escape(caption)}{_link(csv)}</p>'
        table = head + table_markup(rows, caption)
        if folded:
            summary = f"<summary>{html.escape(caption)} ({len(rows)} rows)</summary>"
            table = f"<details>{summary}{table}</details>"
        return self._add(table)

    def chart(
        self, lines: Sequence[Line], x_label: str, y_label: str, caption: str = ""
    ) -> "Page":
        """Adds lines, whose values can be read at a point by pointer, touch or keys.

        Args:
            lines: The lines.
            x_label: What the x axis shows.
            y_label: What the y axis shows.
            caption: A sentence under it.
        """
        words = f"<figcaption>{html.escape(caption)}</figcaption>"
        drawn = chart_markup(lines, x_label, y_label)
        self._figures.append(f"<figure>{drawn}{words if caption else ''}</figure>")
        return self

    def gallery(
        self, pictures: Sequence[Picture], caption: str = "", pixelated: bool = False
    ) -> "Page":
        """Adds pictures with a menu for each of their properties, which filters them.

        Args:
            pictures: The pictures.
            caption: A sentence above them.
            pixelated: Whether pixels stay visible where pictures are enlarged.
        """
        words = f'<p class="caption">{html.escape(caption)}</p>' if caption else ""
        return self._add(words + gallery_markup(pictures, caption, pixelated))

    def markup(self, part: str) -> "Page":
        """Adds HTML as it is, in which the caller has escaped all text."""
        return self._add(part)

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
            f"<title>{title}</title><style>{_file('page.css')}</style></head>\n<body>"
            f"<h1>{title}</h1>\n<nav>{places}</nav>\n"
            + "\n".join(self._parts)
            + f"\n<script>{_file('page.js')}</script></body></html>\n"
        )

    def write(self, path: str | pathlib.Path) -> pathlib.Path:
        """Writes the page and returns its path."""
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        page = self.html().encode("utf-8", "backslashreplace")
        write_atomically(path, lambda part: part.write_bytes(page))
        return path

    def _add(self, part: str) -> "Page":
        self._close_row()
        self._parts.append(part)
        return self

    def _close_row(self) -> None:
        if self._figures:
            self._parts.append(f'<div class="figures">{"".join(self._figures)}</div>')
            self._figures = []


def _file(name: str) -> str:
    return (importlib.resources.files(__package__) / name).read_text("utf-8")


def _link(path: str | None) -> str:
    return f' <a href="{html.escape(path)}">numbers</a>' if path else ""
