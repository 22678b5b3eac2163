"""The figures of the analysis page, as `matplotlib.figure.Figure`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_hybrid.analysis.attention_map import AttentionMap, Grid
from keras_hybrid.utils.figures import blank_figure, short_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_HEADS = 16  # panels of one layer


def head_maps(
    attention: AttentionMap,
    image: int = 0,
    position: Grid | None = None,
    gates: np.ndarray | None = None,
) -> "Figure":
    """The attention map of each head of a layer, on a logarithmic scale.

    Args:
        attention: The attention maps of the layer.
        image: Index of the image.
        position: Row and column of the query, which a red box marks; None means the
            class token.
        gates: Gates of a GPSA layer `(heads,)`, written above each head. A redder
            background is a larger gate.
    """
    from matplotlib.colors import LogNorm
    from matplotlib.patches import Rectangle

    if position is None:
        maps = attention.class_token_map()[image]
    else:
        maps = attention.query_map(*position)[image]
    maps = maps[:MOST_HEADS]
    columns = min(4, len(maps))
    rows = -(-len(maps) // columns)
    figure = blank_figure(max(2.6, 0.95 * columns + 0.9), 1.15 * rows + 0.35)
    figure.suptitle(attention.layer, fontsize=9)
    top = maps.max()
    low = max(maps[maps > 0].min(), top * 1e-4)
    norm = LogNorm(low, top)
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for head, (axes, values) in enumerate(zip(panels.flat, maps, strict=False)):
        shown = axes.imshow(np.maximum(values, low), norm=norm, cmap="viridis")
        axes.set_title(f"head {head}", fontsize=8)
        if gates is not None:
            gate = float(gates[head])
            pale = 1 - 0.6 * gate
            red = {"facecolor": (1, pale, pale), "pad": 1, "edgecolor": "none"}
            title = f"gate {gate:.2f}"
            axes.set_title(title, fontsize=8, bbox=red, color="black")
        if position is not None:
            scale = np.array(values.shape) / np.array(attention.query_grid)
            y, x = scale * position - 0.5
            box = Rectangle((x, y), scale[1], scale[0], fill=False, edgecolor="red")
            axes.add_patch(box)
    bar = figure.colorbar(shown, ax=panels, shrink=0.9, aspect=15 * rows)
    bar.ax.tick_params(which="both", labelsize=7)
    return figure


def overlays(
    images: np.ndarray, maps: np.ndarray, titles: Sequence[str] = ()
) -> "Figure":
    """Images, and the same images under their maps.

    Args:
        images: `(B, H, W, C)`, pixels in [0, 255].
        maps: `(B, h, w)`.
        titles: Title of each image.
    """
    figure = blank_figure(4.6, 2.3 * len(images))
    panels = figure.subplots(len(images), 2, squeeze=False)
    for number, (pair, image, values) in enumerate(
        zip(panels, images, maps, strict=True)
    ):
        pixels = np.clip(image, 0, 255).astype("uint8")
        pixels = pixels.repeat(3, axis=-1) if pixels.shape[-1] == 1 else pixels
        height, width = pixels.shape[:2]
        for axes in pair:
            axes.set_axis_off()
            axes.imshow(pixels)
        pair[1].imshow(
            values,
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
            cmap="inferno",
            alpha=0.6,
            interpolation="bilinear",
        )
        if titles:
            title = short_name(titles[number])
            pair[0].set_title(title, fontsize=8, parse_math=False)
    return figure


def heads_by_layer(
    values: Mapping[str, np.ndarray], label: str, reference: float | None = None
) -> "Figure":
    """One dot per head, and a line through the means of the layers.

    Args:
        values: Name of the layer -> `(heads,)`.
        label: Label of the axis of values.
        reference: Value under uniform attention, a dashed line.
    """
    figure = blank_figure(4.6, 2.9)
    axes = figure.subplots()
    for number, heads in enumerate(values.values(), start=1):
        axes.plot([number] * len(heads), heads, ".", color="tab:blue", alpha=0.6)
    means = [np.mean(heads) for heads in values.values()]
    axes.plot(range(1, len(means) + 1), means, "k-", label="mean of the heads")
    if reference is not None:
        axes.axhline(reference, color="grey", ls="--", label="uniform attention")
    axes.set(xlabel="attention layer", ylabel=label)
    axes.locator_params(axis="x", integer=True)
    _add_legend(axes)
    return figure


def over_epochs(log: Sequence[Mapping], field: str, label: str) -> "Figure":
    """One panel per layer: a value of every head over the epochs, the mean in black.

    Args:
        log: What `read_log` returns.
        field: Column of the log, e.g. `"gate"`.
        label: Label of the axis of values.
    """
    lines: dict[str, dict[int, list]] = {}
    for row in log:
        if row[field] is not None:
            heads = lines.setdefault(row["layer"], {})
            heads.setdefault(row["head"], []).append((row["epoch"], row[field]))
    columns = min(3, len(lines))
    rows = -(-len(lines) // columns)
    figure = blank_figure(1.5 * columns + 0.4, 1.35 * rows + 0.4)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in panels.flat[len(lines) :]:
        axes.set_axis_off()
    for axes, (layer, heads) in zip(panels.flat, lines.items(), strict=False):
        for points in heads.values():
            axes.plot(*zip(*points, strict=True), lw=0.8, alpha=0.7)
        epochs = [epoch for epoch, _ in next(iter(heads.values()))]
        values = [[value for _, value in points] for points in heads.values()]
        axes.plot(epochs, np.mean(values, axis=0), "k-", lw=1.6)
        axes.set_title(layer.removesuffix("_attention"), fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    figure.supxlabel("epoch", fontsize=9)
    figure.supylabel(label, fontsize=9)
    return figure


def line_chart(
    rows: Sequence[Mapping], key: str, label: str, logarithmic: bool = False
) -> "Figure":
    """One line per column of a table.

    Args:
        rows: The table.
        key: Column with the labels of the horizontal axis.
        label: Label of the axis of values.
        logarithmic: Whether that axis is logarithmic.
    """
    figure = blank_figure(4.6, 2.9)
    axes = figure.subplots()
    names = [str(row[key]) for row in rows]
    for column in rows[0]:
        if column != key:
            axes.plot(names, [row[column] for row in rows], ".-", label=column)
    axes.set(ylabel=label, yscale="log" if logarithmic else "linear")
    axes.tick_params(axis="x", rotation=90 if len(names) > 4 else 0, labelsize=7)
    _add_legend(axes)
    return figure


def bar_chart(values: np.ndarray, xlabel: str, label: str) -> "Figure":
    """One bar per position of the mean over the heads, and one dot per head.

    Args:
        values: `(heads, L)`.
        xlabel: Label of the horizontal axis.
        label: Label of the axis of values.
    """
    figure = blank_figure(4.6, 2.6)
    axes = figure.subplots()
    numbers = np.arange(1, values.shape[1] + 1)
    axes.bar(numbers, values.mean(axis=0), color="lightsteelblue")
    for head in values:
        axes.plot(numbers, head, "k.", ms=4)
    axes.set(xlabel=xlabel, ylabel=label)
    axes.locator_params(axis="x", integer=True)
    return figure


def field_maps(maps: Mapping[str, np.ndarray]) -> "Figure":
    """Receptive fields side by side, each relative to its largest value."""
    from matplotlib.colors import LogNorm

    columns = min(3, len(maps))
    rows = -(-len(maps) // columns)
    figure = blank_figure(1.5 * columns + 0.8, 1.6 * rows)
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for axes, (name, values) in zip(panels.flat, maps.items(), strict=False):
        relative = np.maximum(values / values.max(), 1e-4)
        shown = axes.imshow(relative, norm=LogNorm(1e-4, 1), cmap="magma")
        axes.set_title(name, fontsize=8)
    bar = figure.colorbar(shown, ax=panels, shrink=0.9, aspect=15 * rows)
    bar.ax.tick_params(labelsize=7)
    return figure


def grid(rows: Sequence[Mapping], x: str, y: str, value: str) -> "Figure":
    """A heatmap of a value over two settings, e.g. of a sweep.

    Args:
        rows: One mapping per run.
        x: Setting on the horizontal axis.
        y: Setting on the vertical axis.
        value: Key of the value.
    """
    columns, lines = ([*dict.fromkeys(row[key] for row in rows)] for key in (x, y))
    values = np.full((len(lines), len(columns)), np.nan)
    for row in rows:
        values[lines.index(row[y]), columns.index(row[x])] = row[value]
    figure = blank_figure(4.6, 0.7 * len(lines) + 1)
    axes = figure.subplots()
    axes.imshow(values, cmap="viridis", aspect="auto")
    for (i, j), number in np.ndenumerate(values):
        white = {"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.7}
        axes.text(j, i, f"{number:.3g}", ha="center", va="center", bbox=white)
    axes.set(xlabel=x.replace("_", " "), ylabel=y.replace("_", " "), title=value)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(lines)), lines)
    return figure


def _add_legend(axes: "Axes") -> None:
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
