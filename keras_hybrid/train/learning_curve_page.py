"""A learning curve and its forecast on one page."""

import pathlib
from typing import TYPE_CHECKING, Any

from keras_hybrid.utils.figures import blank_figure
from keras_hybrid.utils.page import Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_page(found: dict[str, Any], path: pathlib.Path) -> None:
    """Writes the page.

    Args:
        found: What `learning_curve` returns.
        path: The HTML file.

    Raises:
        ImportError: If matplotlib is missing.
    """
    page = Page("More images?", found["text"])
    page.figure(
        _figure(found), "Every network, and the forecast with its 80 % interval."
    )
    page.table(found["points"], "The networks.", csv="curve.csv")
    if rows := found.get("classes"):
        note = "Recall of each class; those that gained most by the last images first."
        page.section("Classes").table(rows, note)
    page.write(path)


def _figure(found: dict[str, Any]) -> "Figure":
    figure = blank_figure(5, 3.6)
    axes = figure.subplots()
    measure, ahead = found["measure"], found["forecast"]
    sizes = [point["images"] for point in found["points"]]
    axes.plot(sizes, [point[measure] for point in found["points"]], "o", alpha=0.7)
    span = [[ahead["middle"] - ahead["low"]], [ahead["high"] - ahead["middle"]]]
    axes.errorbar([ahead["images"]], [ahead["middle"]], span, fmt="s", capsize=4)
    ticks = sorted({*sizes, ahead["images"]})
    axes.set(xscale="log", xlabel="training images", ylabel=measure.replace("_", " "))
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    return figure
