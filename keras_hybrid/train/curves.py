"""Loss and accuracy over the epochs, as a picture."""

import pathlib


def plot_curves(epochs: list[dict], path: pathlib.Path, title: str) -> None:
    """Draws what `metrics.jsonl` holds into a PNG.

    Args:
        epochs: One dict an epoch, see `callbacks.Journal`.
        path: Where the PNG goes.
        title: Heading of the figure.

    Raises:
        ImportError: If matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("Curves need: pip install 'keras_hybrid[recipes]'") from error
    figure = Figure(figsize=(9, 3.6), layout="constrained")
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
    figure.savefig(path, dpi=150)
