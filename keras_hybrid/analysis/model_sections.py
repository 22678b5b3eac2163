"""The sections of the analysis page about the whole model, one function per section."""

import keras
import numpy as np

from keras_hybrid.analysis import plots
from keras_hybrid.analysis.complexity import breakdown
from keras_hybrid.analysis.csv_page import CsvPage
from keras_hybrid.analysis.equivariance import equivariance_errors, periodic_copy
from keras_hybrid.analysis.paper_sizes import size_by_type, size_table
from keras_hybrid.analysis.rank import rank_table
from keras_hybrid.analysis.receptive_field import field_statistics
from keras_hybrid.analysis.receptive_field import receptive_fields as fields_of
from keras_hybrid.layers import RelativeAttention

PANELS = 6  # receptive fields per figure


def size(page: CsvPage, model: keras.Model) -> None:
    """Parameters and multiply-adds: of the model, per layer class and per layer."""
    costs = breakdown(model)
    page.section(
        "Size",
        "Trainable parameters, and multiply-adds per image: convolutions, dense layers "
        "and both matrix products of attention.",
    )
    sizes = size_table(model)
    caption = "This model, the variant of its name, and the figures of the paper."
    page.table(sizes, caption, csv=page.save("size.csv", sizes))
    types = size_by_type(costs)
    page.table(types, "Per layer class.", csv=page.save("kinds.csv", types))
    layers = [vars(cost) for cost in costs if cost.parameters or cost.macs]
    file = page.save("layers.csv", layers)
    page.table(layers, "Per layer.", folded=True, csv=file)


def receptive_fields(page: CsvPage, model: keras.Model, images: np.ndarray) -> None:
    """The effective receptive field of every stage."""
    fields = fields_of(model, images)
    rows = [{"stage": name} | field_statistics(x) for name, x in fields.items()]
    page.section(
        "Receptive fields",
        "How much the central position of each feature map depends on every pixel, "
        f"from gradients over {len(images)} images. Support: share of the pixels with "
        "any influence. Area: share of the pixels that hold 90 % of the gradient. "
        "Radius: relative to a uniform field.",
    )
    file = page.save("receptive_fields.csv", rows)
    names = list(fields)
    for first in range(0, len(names), PANELS):
        shown = {name: fields[name] for name in names[first : first + PANELS]}
        caption = "Relative to the largest value, logarithmic scale."
        page.figure(plots.field_maps(shown), caption, picture=True, csv=file)
    page.table(rows, "All feature maps.", csv=file)


def rank(page: CsvPage, model: keras.Model, images: np.ndarray) -> None:
    """Rank collapse with and without skip connections and feed-forward networks."""
    rows = rank_table(model, images)
    page.section(
        "Rank",
        "How much tokens differ from their mean after each block, relative to their "
        "norm; at 0 all tokens are equal. Skip connections and feed-forward networks "
        "are removed from all blocks, without training again.",
    )
    figure = plots.line_chart(rows, "block", "relative residual", logarithmic=True)
    caption = "The full model, and the model without some of its parts."
    page.figure(figure, caption, csv=page.save("rank.csv", rows))


def equivariance(page: CsvPage, model: keras.Model, images: np.ndarray) -> None:
    """Errors under shifts, with zero padding and with circular padding."""
    page.section(
        "Translation equivariance",
        "The image is rolled. The features of a stage whose stride divides the shift "
        "should roll with it, and logits should not change. Error: largest difference, "
        "divided by the standard deviation.",
    )
    cases = {"original": model}
    relative = [x for x in model.layers if isinstance(x, RelativeAttention)]
    if all(x.table is not None and not x.periodic for x in relative):
        cases["periodic"] = periodic_copy(model)
    rows = [
        {"padding": padding} | row
        for padding, network in cases.items()
        for row in equivariance_errors(network, images)
    ]
    table: dict[tuple, dict] = {}
    for row in rows:
        key = (row["padding"], row["shift"])
        head = {"padding": row["padding"], "shift": row["shift"]}
        table.setdefault(key, head)[row["stage"]] = row["error"]
    caption = "Error per shift in pixels. Periodic: circular padding and a periodic "
    caption += "position bias, with the same weights."
    page.table(table.values(), caption, csv=page.save("shifts.csv", rows))
