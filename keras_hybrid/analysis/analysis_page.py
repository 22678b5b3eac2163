"""A page that shows what a model looks at, with its numbers beside it as CSV."""

import csv
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_hybrid.analysis import plots
from keras_hybrid.analysis.attention_maps import (
    CLASS_ATTENTION,
    AttentionMap,
    Grid,
    attention_layers,
    attention_maps,
    rollout,
)
from keras_hybrid.analysis.complexity import breakdown
from keras_hybrid.analysis.equivariance import equivariance_errors, periodic_twin
from keras_hybrid.analysis.gates import gates, gpsa_layers, masking_effect
from keras_hybrid.analysis.locality import d_loc, distances
from keras_hybrid.analysis.locality_logger import locality_rows, read_log
from keras_hybrid.analysis.paper_sizes import by_kind, size_table
from keras_hybrid.analysis.rank import rank_table
from keras_hybrid.analysis.receptive_field import reach, receptive_fields
from keras_hybrid.layers import GatedPositionalAttention, RelativeAttention
from keras_hybrid.utils.page import Page

SHOWN = 4  # images of which rollout is drawn


def write_report(
    model: keras.Model,
    images: np.ndarray,
    directory: str | pathlib.Path,
    titles: Sequence[str] = (),
    labels: np.ndarray | None = None,
    log: str | pathlib.Path | None = None,
) -> pathlib.Path:
    """Writes `analysis.html` and the CSV files it shows.

    Sections that a model gives nothing for are left out.

    Args:
        model: A model of this package with a fixed input size.
        images: `(B, H, W, C)` as the model takes them. Means are over all of them,
            attention is drawn of the first.
        directory: Where the files go; made if need be.
        titles: What to call the images.
        labels: Their classes, for the accuracy under masks.
        log: CSV of a `LocalityLogger` that watched the training.

    Returns:
        Path of the page.
    """
    summary = (
        f"{len(images)} images of {images.shape[1]}x{images.shape[2]} pixels. "
        f"Every figure has its numbers beside it as CSV."
    )
    report = _Report(Page(f"What {model.name} looks at", summary), directory)
    _size(report, model)
    if attention_layers(model):
        maps = attention_maps(model, images[:SHOWN])
        _rollout(report, maps, images[:SHOWN], titles)
        _attention(report, model, maps)
        _locality(report, model, images, labels)
    if log is not None and (lines := read_log(log)):
        _training(report, lines)
    _receptive_fields(report, model, images[:16])
    if attention_layers(model):
        _rank(report, model, images[:16])
    if any(isinstance(x, RelativeAttention) for x in model.layers):
        _equivariance(report, model, images[:SHOWN])
    return report.page.write(report.directory / "analysis.html")


class _Report:
    """A page and the folder of its numbers."""

    def __init__(self, page: Page, directory: str | pathlib.Path):
        self.page = page
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)

    def save(self, name: str, rows: Iterable[Mapping]) -> str:
        """Writes rows as CSV and returns its name, as the page links it."""
        rows = list(rows)
        heads = list(dict.fromkeys(key for row in rows for key in row))
        with open(self.directory / name, "w", newline="") as file:
            writer = csv.DictWriter(file, heads, lineterminator="\n")
            writer.writeheader()
            writer.writerows({key: _short(row[key]) for key in row} for row in rows)
        return name


def _size(report: _Report, model: keras.Model) -> None:
    costs = breakdown(model)
    report.page.section(
        "Size",
        "Trainable parameters and multiply-adds of one image: convolutions, linear "
        "maps and both products of attention.",
    )
    sizes = size_table(model)
    file = report.save("size.csv", sizes)
    report.page.table(sizes, "This model, its variant, and the paper.", csv=file)
    kinds = by_kind(costs)
    report.page.table(kinds, "By kind of layer.", csv=report.save("kinds.csv", kinds))
    layers = [vars(cost) for cost in costs if cost.parameters or cost.macs]
    file = report.save("layers.csv", layers)
    report.page.table(layers, "By layer.", folded=True, csv=file)


def _rollout(
    report: _Report,
    maps: Sequence[AttentionMap],
    images: np.ndarray,
    titles: Sequence[str],
) -> None:
    values = rollout(maps)
    report.page.section(
        "From the answer to the image",
        "Attention rollout: how much each place reaches what the classifier reads, "
        "along attention and skip connections.",
    )
    rows = (
        {"image": i, "row": y, "column": x, "share": value}
        for (i, y, x), value in np.ndenumerate(values)
    )
    for i in range(len(images)):
        report.page.figure(
            plots.overlays(images[i : i + 1], values[i : i + 1], titles[i : i + 1]),
            f"Image {i + 1}, and what of it reaches the answer.",
            picture=True,
            csv=report.save("rollout.csv", rows) if i == 0 else "rollout.csv",
        )


def _attention(
    report: _Report, model: keras.Model, maps: Sequence[AttentionMap]
) -> None:
    gate_of = _gates(model)
    report.page.section(
        "Attention maps",
        "Image 1, one panel a head, logarithmic scale. First where the class token "
        "looks, where there is one; then where the patch in the red box looks.",
    )
    rows: list[dict] = []
    figures = []
    for attention in maps:
        for asks, place, values in _rows_of(attention):
            rows += (
                {
                    "layer": attention.layer,
                    "asks": asks,
                    "head": head,
                    "row": y,
                    "column": x,
                    "weight": weight,
                }
                for (head, y, x), weight in np.ndenumerate(values[0])
            )
            gate = gate_of.get(attention.layer) if place else None
            words = f"{attention.layer}: the {asks} asks."
            figures.append((attention, place, gate, words))
    file = report.save("attention.csv", rows)
    for attention, place, gate, words in figures:
        figure = plots.head_maps(attention, 0, place, gate)
        report.page.figure(figure, words, picture=True, csv=file)
    layered = [m for m in maps if m.layer == CLASS_ATTENTION]
    if layered:
        values = layered[0].weights[:, :, 0].mean(axis=0)
        rows = [
            {"head": head, "block": block + 1, "weight": weight}
            for (head, block), weight in np.ndenumerate(values)
        ]
        report.page.figure(
            plots.bars(values, "block", "weight of its class token"),
            "Layer-wise class attention: what the last class token takes from each.",
            csv=report.save("class_attention.csv", rows),
        )


def _rows_of(
    attention: AttentionMap,
) -> Iterator[tuple[str, Grid | None, np.ndarray]]:
    """The rows of a map that are drawn: `(who asks, place, (B, heads, h, w))`."""
    if attention.class_token and attention.key_grid:
        yield "class token", None, attention.of_class_token()
    if attention.query_grid:
        height, width = attention.query_grid
        place = height // 2, width // 2
        yield "patch", place, attention.of_place(*place)


def _locality(
    report: _Report, model: keras.Model, images: np.ndarray, labels: np.ndarray | None
) -> None:
    near = d_loc(model, images)
    if not near:
        return
    rows = locality_rows(model, near)
    file = report.save("locality.csv", rows)
    page = report.page.section(
        "How far attention reaches",
        "D_loc, the mean distance between a patch and where it looks, in patches of "
        "the layer's own map, over all images. In layers with a class token its row "
        "and column are left out.",
    )
    gate_of = _gates(model)
    grid = gpsa_layers(model)[0].input[0].shape[1:3] if gate_of else None
    reference = float(distances(grid).mean()) if grid else None
    figure = plots.heads_by_layer(near, "D_loc (patches)", reference)
    page.figure(figure, "A dot a head.", csv=file)
    if gate_of:
        figure = plots.heads_by_layer(gate_of, "gate")
        words = "Gates of GPSA: at 1 a head looks by place alone, at 0 by content."
        page.figure(figure, words, csv=file)
        effect = masking_effect(model, images, labels)
        words = "What is left of the model's answers when content or position is masked"
        words += " in the first GPSA layers, or the position embedding is zero."
        page.table(effect, words, csv=report.save("masks.csv", effect))
    page.table(rows, "Every head.", folded=True, csv=file)


def _training(report: _Report, lines: Sequence[Mapping]) -> None:
    file = report.save("training.csv", lines)
    page = report.page.section("During training", "A line a head, black their mean.")
    page.figure(plots.over_epochs(lines, "d_loc", "D_loc"), "D_loc.", csv=file)
    if any(line["gate"] is not None for line in lines):
        page.figure(plots.over_epochs(lines, "gate", "gate"), "Gates.", csv=file)


def _receptive_fields(report: _Report, model: keras.Model, images: np.ndarray) -> None:
    maps = receptive_fields(model, images)
    rows = [{"stage": name} | reach(field) for name, field in maps.items()]
    page = report.page.section(
        "Receptive fields",
        "How much the place in the middle of each map depends on every pixel, by "
        f"gradients over {len(images)} images. Support: share of the pixels that "
        "count at all; area: share that holds 90 %; radius: over an even field's.",
    )
    file = report.save("receptive_fields.csv", rows)
    names = list(maps)
    for first in range(0, len(names), 6):
        part = {name: maps[name] for name in names[first : first + 6]}
        words = "Over the strongest pixel, logarithmic scale."
        page.figure(plots.fields(part), words, picture=True, csv=file)
    page.table(rows, "Each map.", csv=file)


def _rank(report: _Report, model: keras.Model, images: np.ndarray) -> None:
    rows = rank_table(model, images)
    page = report.page.section(
        "Rank",
        "How far tokens are from being all alike after each block, relative to their "
        "size; 0 is a map of rank one. Removed are skip connections and feed-forward "
        "networks, in all blocks, without training anew.",
    )
    figure = plots.lines(rows, "block", "relative residual", logarithmic=True)
    page.figure(figure, "Whole and in parts.", csv=report.save("rank.csv", rows))


def _equivariance(report: _Report, model: keras.Model, images: np.ndarray) -> None:
    page = report.page.section(
        "Shifts",
        "The image is rolled; a stage whose stride divides the shift should give the "
        "rolled map, and logits should stay. Error: largest difference over the "
        "standard deviation.",
    )
    cases = {"as it is": model}
    relative = [x for x in model.layers if isinstance(x, RelativeAttention)]
    if all(x.table is not None and not x.periodic for x in relative):
        cases["on a torus"] = periodic_twin(model)
    rows = [
        {"mode": mode} | row
        for mode, network in cases.items()
        for row in equivariance_errors(network, images)
    ]
    table: dict[tuple, dict] = {}
    for row in rows:
        place = (row["mode"], row["shift"])
        start = {"mode": row["mode"], "shift": row["shift"]}
        table.setdefault(place, start)[row["stage"]] = row["error"]
    words = "Error by shift in pixels. On a torus: circular padding and periodic "
    words += "position bias, same weights."
    page.table(table.values(), words, csv=report.save("shifts.csv", rows))


def _gates(model: keras.Model) -> dict[str, np.ndarray]:
    gated = any(isinstance(x, GatedPositionalAttention) for x in model.layers)
    return gates(model) if gated else {}


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else value
