"""The loss and a metric over the epochs, as a figure."""

import pathlib
from typing import TYPE_CHECKING, Any

from keras_hybrid.utils.figures import blank_figure, short_name
from keras_hybrid.utils.files import write_atomically
from keras_hybrid.utils.fonts import save_figure
from keras_hybrid.utils.page import Line, Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curves_figure(
    epochs: list[dict[str, Any]], title: str | None = None, measure: str = "accuracy"
) -> "Figure":
    """Draws what `metrics.jsonl` holds.

    Args:
        epochs: One dict per epoch, see `metrics_logger.MetricsLogger`.
        title: Heading of the figure.
        measure: The metric.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If matplotlib is missing.
    """
    figure = blank_figure(9, 3.6)
    if title:
        figure.suptitle(short_name(title, 80), parse_math=False)
    numbers = [epoch["epoch"] for epoch in epochs]
    for axes, metric in zip(figure.subplots(1, 2), ("loss", measure), strict=True):
        for key, part in ((metric, "training"), (f"val_{metric}", "validation")):
            if key in epochs[0]:
                values = [epoch[key] for epoch in epochs]
                axes.plot(numbers, values, ".-", label=part)
        axes.set(xlabel="epoch", ylabel=metric.replace("_", " "))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def add_curves(page: Page, epochs: list[dict[str, Any]], measure: str) -> None:
    """Adds what `curves_figure` draws as charts that can be read, and as a table.

    Args:
        page: The page.
        epochs: As for `curves_figure`.
        measure: The metric.
    """
    parts = {"": "training", "val_": "validation"}
    names = [f"{x}{name}" for name in ("loss", measure) for x in parts]
    names = [name for name in names if name in epochs[0]]
    for metric in ("loss", measure):
        lines = [
            epoch_line(epochs, prefix + metric, part)
            for prefix, part in parts.items()
            if prefix + metric in epochs[0]
        ]
        page.chart(lines, "epoch", metric.replace("_", " "))
    rows = [
        {"epoch": epoch["epoch"]}
        | {name.replace("_", " "): epoch.get(name) for name in names}
        for epoch in epochs
    ]
    page.table(rows, "Every epoch.", folded=True)


def epoch_line(
    epochs: list[dict[str, Any]], key: str, name: str, over: str = "epoch"
) -> Line:
    """A number of each epoch as a line of a chart.

    Args:
        epochs: As for `curves_figure`; those without the number are left out.
        key: The number.
        name: The name of the line.
        over: What the x axis shows.
    """
    pairs = [(x[over], x[key]) for x in epochs if key in x and over in x]
    return Line(name, [x for x, _ in pairs], [y for _, y in pairs])


def plot_curves(
    epochs: list[dict[str, Any]], path: pathlib.Path, title: str, measure: str
) -> None:
    """Writes the curves as a PNG."""
    figure = curves_figure(epochs, title, measure)
    write_atomically(path, lambda part: save_figure(figure, part, dpi=150))
