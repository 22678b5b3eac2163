"""Figures of what the other modules measure; each returns a matplotlib figure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_hybrid.analysis.attention_maps import AttentionMap
from keras_hybrid.utils.figures import blank_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEADS = 16  # drawn of one layer, at most


def head_maps(
    attention: AttentionMap,
    image: int = 0,
    place: tuple[int, int] | None = None,
    gates: np.ndarray | None = None,
) -> "Figure":
    """Where each head of a layer looks, on a logarithmic scale.

    Args:
        attention: The layer's maps.
        image: Which image.
        place: The patch that asks, marked in red; None takes the class token.
        gates: Of GPSA: written over each head, the redder the more by place.
    """
    from matplotlib.colors import LogNorm
    from matplotlib.patches import Rectangle

    if place is None:
        maps = attention.of_class_token()[image]
    else:
        maps = attention.of_place(*place)[image]
    maps = maps[:HEADS]
    columns = min(4, len(maps))
    rows = -(-len(maps) // columns)
    figure = blank_figure(max(2.6, 0.95 * columns + 0.9), 1.15 * rows + 0.35)
    figure.suptitle(attention.layer, fontsize=9)
    top = maps.max()
    low = max(maps[maps > 0].min(), top * 1e-4)
    norm = LogNorm(low, top)
    every = figure.subplots(rows, columns, squeeze=False)
    for axes in every.flat:
        axes.set_axis_off()
    for head, (axes, values) in enumerate(zip(every.flat, maps, strict=False)):
        shown = axes.imshow(np.maximum(values, low), norm=norm, cmap="viridis")
        axes.set_title(f"head {head}", fontsize=8)
        if gates is not None:
            gate = float(gates[head])
            pale = 1 - 0.6 * gate
            red = {"facecolor": (1, pale, pale), "pad": 1, "edgecolor": "none"}
            title = f"gate {gate:.2f}"
            axes.set_title(title, fontsize=8, bbox=red, color="black")
        if place is not None:
            scale = np.array(values.shape) / np.array(attention.query_grid)
            y, x = scale * place - 0.5
            box = Rectangle((x, y), scale[1], scale[0], fill=False, edgecolor="red")
            axes.add_patch(box)
    bar = figure.colorbar(shown, ax=every, shrink=0.9, aspect=15 * rows)
    bar.ax.tick_params(which="both", labelsize=7)
    return figure


def overlays(
    images: np.ndarray, maps: np.ndarray, titles: Sequence[str] = ()
) -> "Figure":
    """Maps `(B, h, w)` laid over images `(B, H, W, C)` with pixels in [0, 255]."""
    figure = blank_figure(4.6, 2.3 * len(images))
    every = figure.subplots(len(images), 2, squeeze=False)
    for number, (pair, picture, values) in enumerate(
        zip(every, images, maps, strict=True)
    ):
        picture = np.clip(picture, 0, 255).astype("uint8")
        picture = picture.repeat(3, axis=-1) if picture.shape[-1] == 1 else picture
        height, width = picture.shape[:2]
        for axes in pair:
            axes.set_axis_off()
            axes.imshow(picture)
        pair[1].imshow(
            values,
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
            cmap="inferno",
            alpha=0.6,
            interpolation="bilinear",
        )
        if titles:
            pair[0].set_title(titles[number], fontsize=8)
    return figure


def heads_by_layer(
    values: Mapping[str, np.ndarray], label: str, reference: float | None = None
) -> "Figure":
    """A dot a head and a line of the layers' means; `reference` is a dashed line."""
    figure = blank_figure(4.6, 2.9)
    axes = figure.subplots()
    for number, heads in enumerate(values.values(), start=1):
        axes.plot([number] * len(heads), heads, ".", color="tab:blue", alpha=0.6)
    means = [np.mean(heads) for heads in values.values()]
    axes.plot(range(1, len(means) + 1), means, "k-", label="mean of the heads")
    if reference is not None:
        axes.axhline(reference, color="grey", ls="--", label="even attention")
    axes.set(xlabel="attention layer", ylabel=label)
    axes.xaxis.get_major_locator().set_params(integer=True)
    _finish(axes)
    return figure


def over_epochs(log: Sequence[Mapping], field: str, label: str) -> "Figure":
    """A panel a layer: `field` of every head over the epochs, their mean in black.

    Args:
        log: Lines of `callbacks.read_log`.
        field: A column of theirs, e.g. `"gate"`.
        label: What the panels' common axis says.
    """
    lines: dict[str, dict[int, list]] = {}
    for row in log:
        if row[field] is not None:
            heads = lines.setdefault(row["layer"], {})
            heads.setdefault(row["head"], []).append((row["epoch"], row[field]))
    columns = min(3, len(lines))
    rows = -(-len(lines) // columns)
    figure = blank_figure(1.5 * columns + 0.4, 1.35 * rows + 0.4)
    every = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in every.flat[len(lines) :]:
        axes.set_axis_off()
    for axes, (layer, heads) in zip(every.flat, lines.items(), strict=False):
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


def lines(
    rows: Sequence[Mapping], key: str, label: str, logarithmic: bool = False
) -> "Figure":
    """A line for every column of a table but `key`, over its rows."""
    figure = blank_figure(4.6, 2.9)
    axes = figure.subplots()
    names = [str(row[key]) for row in rows]
    for column in rows[0]:
        if column != key:
            axes.plot(names, [row[column] for row in rows], ".-", label=column)
    axes.set(ylabel=label, yscale="log" if logarithmic else "linear")
    axes.tick_params(axis="x", rotation=90 if len(names) > 4 else 0, labelsize=7)
    _finish(axes)
    return figure


def bars(values: np.ndarray, xlabel: str, label: str) -> "Figure":
    """Bars of the means over heads of `(heads, L)`, a dot a head."""
    figure = blank_figure(4.6, 2.6)
    axes = figure.subplots()
    places = np.arange(1, values.shape[1] + 1)
    axes.bar(places, values.mean(axis=0), color="lightsteelblue")
    for head in values:
        axes.plot(places, head, "k.", ms=4)
    axes.set(xlabel=xlabel, ylabel=label)
    axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def fields(maps: Mapping[str, np.ndarray]) -> "Figure":
    """Receptive fields side by side, each against its own strongest pixel."""
    from matplotlib.colors import LogNorm

    columns = min(3, len(maps))
    rows = -(-len(maps) // columns)
    figure = blank_figure(1.5 * columns + 0.8, 1.6 * rows)
    every = figure.subplots(rows, columns, squeeze=False)
    for axes in every.flat:
        axes.set_axis_off()
    for axes, (name, values) in zip(every.flat, maps.items(), strict=False):
        relative = np.maximum(values / values.max(), 1e-4)
        shown = axes.imshow(relative, norm=LogNorm(1e-4, 1), cmap="magma")
        axes.set_title(name, fontsize=8)
    bar = figure.colorbar(shown, ax=every, shrink=0.9, aspect=15 * rows)
    bar.ax.tick_params(labelsize=7)
    return figure


def grid(rows: Sequence[Mapping], x: str, y: str, value: str) -> "Figure":
    """A coloured table of `value` over two settings, e.g. of a sweep."""
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


def _finish(axes: "Axes") -> None:
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
