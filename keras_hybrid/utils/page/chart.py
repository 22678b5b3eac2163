"""A line chart whose points a reader can look up."""

import dataclasses
import html
import json
import math
from collections.abc import Sequence

WIDTH, HEIGHT = 420, 270
_LEFT, _TOP, _RIGHT, _BOTTOM = 54, 12, 410, 228
COLOURS = 6
"""Colours of the style sheet, `--line0` and so on."""
_DASHES = ("", "7 3", "2 3", "9 3 2 3")


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        name: Its name in the legend.
        x: Where its points are, ascending.
        y: Their values; one that is not finite interrupts the line.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]


def chart_markup(lines: Sequence[Line], x_label: str, y_label: str) -> str:
    """A drawing as SVG, its legend, and its numbers for the script of the page.

    With the script, the pointer, a finger or the arrow keys choose a point of the x
    axis, and the values of all lines there are given as text.

    Args:
        lines: The lines; one without a finite value is left out.
        x_label: What the x axis shows.
        y_label: What the y axis shows.
    """
    points = [(_finite(line), line.name) for line in lines]
    points = [(found, name) for found, name in points if found]
    if not points:
        return f"<p>There is no {html.escape(y_label)} to draw.</p>"
    xs = [x for found, _ in points for x, _ in found]
    ys = [y for found, _ in points for _, y in found]
    x_ends, y_ends = _padded(min(xs), max(xs), 0), _padded(min(ys), max(ys), 0.04)
    lines = [x for x in lines if _finite(x)]
    drawn = "".join(_path(x, i, x_ends, y_ends) for i, x in enumerate(lines))
    names = ", ".join(name for _, name in points)
    words = html.escape(f"{y_label} by {x_label}: {names}")
    facts = {
        "xLabel": x_label,
        "x": x_ends,
        "y": y_ends,
        "box": [_LEFT, _TOP, _RIGHT, _BOTTOM],
        "lines": [
            {"name": name, "points": [[_short(a), _short(b)] for a, b in found]}
            for found, name in points
        ],
    }
    data = json.dumps(facts).replace("<", "\\u003c")  # no tag may end the element
    return (
        f'<div class="chart"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{words}">{_axes(x_ends, y_ends, x_label, y_label)}{drawn}'
        f'<g class="cursor"></g></svg>{_legend(lines)}'
        '<div class="reading" hidden><input type="range" min="0" step="1" '
        f'aria-label="{html.escape(f"Read {y_label} at a point: {x_label}")}">'
        '<output aria-hidden="true"></output></div>'
        f'<script type="application/json">{data}</script></div>'
    )


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers in an interval: multiples of 1, 2 or 5 times a power of ten."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    step *= next(x for x in (1, 2, 5, 10) if (high - low) / (step * x) <= most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _finite(line: Line) -> list[tuple[float, float]]:
    pairs = zip(line.x, line.y, strict=True)
    return [(x, y) for x, y in pairs if math.isfinite(y)]


def _padded(low: float, high: float, share: float) -> tuple[float, float]:
    """The ends of an axis, which are never equal."""
    edge = share * (high - low) if high > low else max(abs(low), 1) / 2
    return low - edge, high + edge


def _at(
    x: float, y: float, x_ends: tuple[float, float], y_ends: tuple[float, float]
) -> tuple[float, float]:
    across = (x - x_ends[0]) / (x_ends[1] - x_ends[0])
    up = (y - y_ends[0]) / (y_ends[1] - y_ends[0])
    return _LEFT + across * (_RIGHT - _LEFT), _BOTTOM - up * (_BOTTOM - _TOP)


def _path(
    line: Line, index: int, x_ends: tuple[float, float], y_ends: tuple[float, float]
) -> str:
    parts, pen = [], "M"
    for x, y in zip(line.x, line.y, strict=True):
        if not math.isfinite(y):
            pen = "M"
            continue
        left, top = _at(x, y, x_ends, y_ends)
        parts.append(f"{pen}{left:.1f} {top:.1f}")
        pen = "L"
    if len(parts) == 1:
        parts.append("h.1")  # a dot
    return f'<path d="{"".join(parts)}" {_look(index)}/>'


def _look(index: int) -> str:
    dash = _DASHES[index % len(_DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'style="stroke:var(--line{index % COLOURS})"{dashed}'


def _axes(
    x_ends: tuple[float, float], y_ends: tuple[float, float], x_label: str, y_label: str
) -> str:
    parts = []
    for value in ticks(*y_ends):
        _, top = _at(x_ends[0], value, x_ends, y_ends)
        parts.append(
            f'<path class="grid" d="M{_LEFT} {top:.1f}H{_RIGHT}"/>'
            f'<text x="{_LEFT - 6}" y="{top + 4:.1f}" text-anchor="end">{value:g}'
            "</text>"
        )
    for value in ticks(*x_ends):
        left, _ = _at(value, y_ends[0], x_ends, y_ends)
        parts.append(
            f'<text x="{left:.1f}" y="{_BOTTOM + 16}" text-anchor="middle">{value:,.6g}'
            "</text>"
        )
    middle = (_LEFT + _RIGHT) / 2, (_TOP + _BOTTOM) / 2
    return (
        f'{"".join(parts)}<path class="axis" d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}"/>'
        f'<text x="{middle[0]}" y="{HEIGHT - 6}" text-anchor="middle">'
        f"{html.escape(x_label)}</text>"
        f'<text transform="translate(12 {middle[1]}) rotate(-90)" text-anchor="middle">'
        f"{html.escape(y_label)}</text>"
    )


def _legend(lines: Sequence[Line]) -> str:
    items = "".join(
        f'<li><svg viewBox="0 0 28 8" aria-hidden="true"><path d="M0 4H28" {_look(i)}/>'
        f"</svg>{html.escape(line.name)}</li>"
        for i, line in enumerate(lines)
    )
    return f'<ul class="legend">{items}</ul>'


def _short(value: float) -> float:
    """Six digits, which are enough to read."""
    return float(f"{value:.6g}")
