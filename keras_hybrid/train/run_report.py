"""`report.html`: the curves, metrics and mistakes of a run on one page."""

import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_hybrid.data import Split
from keras_hybrid.train.confusion import (
    confident_mistakes,
    confused_pairs,
    confusion_matrix,
)
from keras_hybrid.train.curves import curves_figure
from keras_hybrid.train.recipe import result_fields
from keras_hybrid.utils.figures import blank_figure
from keras_hybrid.utils.page import Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAIRS = 15
PICTURES = 24


def write_report(
    path: pathlib.Path,
    card: dict[str, Any],
    epochs: list[dict[str, Any]],
    test: Split,
    probabilities: np.ndarray,
) -> None:
    """Writes the page.

    Args:
        path: The HTML file.
        card: The run's card, see `run_card.make_card`.
        epochs: One dict per epoch, from `read_metrics`; none of a joint model.
        test: The images that the model was tested on.
        probabilities: Predicted probabilities for them, `(N, classes)`.

    Raises:
        ImportError: If matplotlib is missing.
    """
    names = tuple(card["class_names"])
    matrix = confusion_matrix(test.labels, probabilities.argmax(-1), len(names))
    page = Page(
        f"{card['model']} on {card['dataset']}",
        f"{card['parameters']:,} parameters, tested on {len(test):,} images.",
    )
    page.table([{"measure": key, "value": x} for key, x in card["metrics"].items()])
    if epochs:
        page.section("Training").figure(
            curves_figure(epochs), "Loss and accuracy over the epochs.", wide=True
        )
    page.section("Confusion").figure(
        _confusion_figure(matrix, names),
        "Share of each true class (row) that was predicted as each class (column).",
        wide=True,
    )
    pairs = confused_pairs(matrix, names, PAIRS)
    if pairs:
        page.table(pairs, "The most frequent confusions.")
    page.table(_class_rows(matrix, names), "Every class.", folded=len(names) > 20)
    wrong = confident_mistakes(probabilities, test.labels, PICTURES)
    page.section("Confidently wrong")
    if len(wrong):
        page.figure(
            _mistakes_figure(test, probabilities, wrong, names),
            "The wrong predictions with the highest probability: true class, "
            "predicted class, probability.",
            wide=True,
            picture=True,
        )
    else:
        page.text("Every test image was classified correctly.")
    page.section("Settings").table(
        [
            {"setting": key, "value": str(x)}
            for key, x in result_fields(card["recipe"]).items()
        ]
    )
    page.write(path)


def _class_rows(matrix: np.ndarray, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Recall and precision of each class."""
    right, true, given = np.diag(matrix), matrix.sum(1), matrix.sum(0)
    return [
        {
            "class": name,
            "test images": int(true[i]),
            "recall": f"{right[i] / true[i]:.1%}" if true[i] else "-",
            "precision": f"{right[i] / given[i]:.1%}" if given[i] else "-",
        }
        for i, name in enumerate(names)
    ]


def _confusion_figure(matrix: np.ndarray, names: tuple[str, ...]) -> "Figure":
    few = len(names) <= 20
    side = 1.6 + 0.45 * len(names) if few else 7
    figure = blank_figure(side + 0.6, side)
    axes = figure.subplots()
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    picture = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted class", ylabel="true class")
    if few:
        ticks = range(len(names))
        axes.set_xticks(ticks, names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(ticks, names)
        for row, column in np.argwhere(matrix):
            colour = "white" if share[row, column] > 0.5 else "black"
            axes.text(
                column,
                row,
                f"{matrix[row, column]}",
                color=colour,
                ha="center",
                va="center",
                fontsize=8,
            )
    else:
        figure.colorbar(picture, label="share of the true class", shrink=0.8)
    return figure


def _mistakes_figure(
    test: Split, probabilities: np.ndarray, wrong: np.ndarray, names: tuple[str, ...]
) -> "Figure":
    columns = 4
    rows = -(-len(wrong) // columns)
    figure = blank_figure(1.7 * columns, 2.15 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, index in zip(grid, wrong, strict=False):
        predicted = probabilities[index].argmax()
        axes.imshow(test.images[np.array([index])][0])
        axes.set_title(
            f"{names[test.labels[index]]}\n\u2192 {names[predicted]} "
            f"{probabilities[index, predicted]:.0%}",
            fontsize=8,
        )
    return figure
