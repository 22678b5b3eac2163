"""The sections of the analysis page about attention, one function per section."""

from collections.abc import Iterator, Mapping, Sequence

import keras
import numpy as np

from keras_hybrid.analysis import plots
from keras_hybrid.analysis.attention_map import AttentionMap, Grid
from keras_hybrid.analysis.csv_page import CsvPage
from keras_hybrid.analysis.gates import gates, gpsa_layers
from keras_hybrid.analysis.locality import d_loc, distances
from keras_hybrid.analysis.locality_logger import locality_rows
from keras_hybrid.analysis.masking import masking_effect
from keras_hybrid.analysis.rollout import rollout as rollout_of
from keras_hybrid.layers import GatedPositionalAttention


def rollout(
    page: CsvPage,
    maps: Sequence[AttentionMap],
    images: np.ndarray,
    titles: Sequence[str],
) -> None:
    """Attention rollout, laid over each image."""
    values = rollout_of(maps)
    page.section(
        "Attention rollout",
        "The share of each position in what the classifier reads, through all "
        "attention layers and skip connections.",
    )
    file = page.save(
        "rollout.csv",
        (
            {"image": i, "row": y, "column": x, "share": value}
            for (i, y, x), value in np.ndenumerate(values)
        ),
    )
    for i in range(len(images)):
        one = slice(i, i + 1)
        page.figure(
            plots.overlays(images[one], values[one], titles[one]),
            f"Image {i + 1} and its attention rollout.",
            picture=True,
            csv=file,
        )


def head_maps(page: CsvPage, model: keras.Model, maps: Sequence[AttentionMap]) -> None:
    """The attention map of every head for the first image."""
    gates_by_layer = _gates(model)
    page.section(
        "Attention maps",
        "Image 1, one panel per head, logarithmic scale: attention of the class token, "
        "if the layer has one, and attention of the patch in the red box.",
    )
    rows: list[dict] = []
    figures = []
    for attention in maps:
        for query, position, values in _queries(attention):
            rows += (
                {
                    "layer": attention.layer,
                    "query": query,
                    "head": head,
                    "row": y,
                    "column": x,
                    "weight": weight,
                }
                for (head, y, x), weight in np.ndenumerate(values[0])
            )
            head_gates = gates_by_layer.get(attention.layer) if position else None
            figure = plots.head_maps(attention, 0, position, head_gates)
            figures.append((figure, f"{attention.layer}: attention of the {query}."))
    file = page.save("attention.csv", rows)
    for figure, caption in figures:
        page.figure(figure, caption, picture=True, csv=file)
    for attention in maps:
        if attention.key_grid is None:
            _class_attention(page, attention)


def _queries(
    attention: AttentionMap,
) -> Iterator[tuple[str, Grid | None, np.ndarray]]:
    """The queries that the page shows: name, position, and map `(B, heads, h, w)`."""
    if attention.class_token and attention.key_grid:
        yield "class token", None, attention.class_token_map()
    if attention.query_grid:
        height, width = attention.query_grid
        position = height // 2, width // 2
        yield "patch", position, attention.query_map(*position)


def _class_attention(page: CsvPage, attention: AttentionMap) -> None:
    """CeiT's attention of the last class token to the class tokens of all blocks."""
    values = attention.weights[:, :, 0].mean(axis=0)
    rows = [
        {"head": head, "block": block + 1, "weight": weight}
        for (head, block), weight in np.ndenumerate(values)
    ]
    page.figure(
        plots.bar_chart(values, "block", "attention weight of its class token"),
        "Layer-wise class attention: the last class token attends to the class token "
        "of every block.",
        csv=page.save("class_attention.csv", rows),
    )


def distance(
    page: CsvPage, model: keras.Model, images: np.ndarray, labels: np.ndarray | None
) -> None:
    """D_loc of every head; of GPSA also the gates and what masking changes."""
    values = d_loc(model, images)
    if not values:
        return
    rows = locality_rows(model, values)
    file = page.save("locality.csv", rows)
    page.section(
        "Attention distance",
        "D_loc, the mean distance between a patch and the patches it attends to, over "
        "all images. The unit is one patch of the layer's feature map. Class tokens "
        "are left out.",
    )
    gates_by_layer = _gates(model)
    uniform = None
    if gates_by_layer:
        grid = gpsa_layers(model)[0].input[0].shape[1:3]
        uniform = float(distances(grid).mean())
    figure = plots.heads_by_layer(values, "D_loc (patches)", uniform)
    page.figure(figure, "Attention distance, one dot per head.", csv=file)
    if gates_by_layer:
        figure = plots.heads_by_layer(gates_by_layer, "gate")
        caption = "Gates of GPSA: a head attends by position only at 1, by content only"
        page.figure(figure, f"{caption} at 0.", csv=file)
        effect = masking_effect(model, images, labels)
        caption = "Predictions with content or position masked in the first GPSA layers"
        caption += ", and without the position embedding: agreement with the model's."
        page.table(effect, caption, csv=page.save("masks.csv", effect))
    page.table(rows, "All heads.", folded=True, csv=file)


def training(page: CsvPage, lines: Sequence[Mapping]) -> None:
    """D_loc and gates over the epochs, from the log of a `LocalityLogger`."""
    file = page.save("training.csv", lines)
    page.section("During training", "One line per head; the mean is black.")
    page.figure(plots.over_epochs(lines, "d_loc", "D_loc"), "D_loc.", csv=file)
    if any(line["gate"] is not None for line in lines):
        page.figure(plots.over_epochs(lines, "gate", "gate"), "Gates.", csv=file)


def _gates(model: keras.Model) -> dict[str, np.ndarray]:
    has_gpsa = any(isinstance(x, GatedPositionalAttention) for x in model.layers)
    return gates(model) if has_gpsa else {}
