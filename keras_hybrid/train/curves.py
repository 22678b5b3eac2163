"""Loss and accuracy over the epochs, as a figure."""

import pathlib
from typing import TYPE_CHECKING, Any

from keras_hybrid.utils.figures import blank_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curves_figure(epochs: list[dict[str, Any]], title: str | None = None) -> "Figure":
    """Draws what `metrics.jsonl` holds.

    Args:
        epochs: One dict per epoch, see `metrics_logger.MetricsLogger`.
        title: Heading of the figure.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If matplotlib is missing.
    """
    figure = blank_figure(9, 3.6)
    if title:
        figure.suptitle(title)
    numbers = [epoch["epoch"] for epoch in epochs]
    for axes, metric in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for key, label in ((metric, "training"), (f"val_{metric}", "validation")):
            if key in epochs[0]:
                values = [epoch[key] for epoch in epochs]
                axes.plot(numbers, values, ".-", label=label)
        axes.set(xlabel="epoch", ylabel=metric)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def plot_curves(epochs: list[dict[str, Any]], path: pathlib.Path, title: str) -> None:
    """Writes the curves as a PNG."""
    curves_figure(epochs, title).savefig(path, dpi=150)
