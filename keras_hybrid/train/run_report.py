"""`report.html`: how a run went and where its model is wrong, on one page."""

import pathlib
from typing import Any

import numpy as np

from keras_hybrid.data import Split
from keras_hybrid.train.confusion import (
    confident_mistakes,
    confused_pairs,
    confusion_matrix,
)
from keras_hybrid.train.curves import curves_figure
from keras_hybrid.utils.figures import blank_figure
from keras_hybrid.utils.page import Page

PAIRS = 15
PICTURES = 24


def write_report(
    path: pathlib.Path,
    card: dict[str, Any],
    epochs: list[dict],
    test: Split,
    probabilities: np.ndarray,
) -> None:
    """Writes the page.

    Args:
        path: The HTML file.
        card: The run's card, see `card.make_card`.
        epochs: What the journal holds, one dict an epoch.
        test: The images that the model was judged by.
        probabilities: What it said of them, `(N, classes)`.

    Raises:
        ImportError: If matplotlib is missing.
    """
    names = tuple(card["class_names"])
    answers = probabilities.argmax(-1)
    matrix = confusion_matrix(test.labels, answers, len(names))
    page = Page(
        f"{card['model']} on {card['dataset']}",
        f"{card['parameters']:,} parameters, judged by {len(test):,} test images.",
    )
    page.table([{"measure": key, "value": x} for key, x in card["metrics"].items()])
    page.section("Training").figure(
        curves_figure(epochs), "Loss and accuracy over the epochs.", wide=True
    )
    page.section("Confusion").figure(
        _confusion_figure(matrix, names),
        "Of each true class (row), the share that the model took for each class "
        "(column).",
        wide=True,
    )
    pairs = confused_pairs(matrix, names, PAIRS)
    if pairs:
        page.table(pairs, "The commonest mistakes.")
    page.table(_class_rows(matrix, names), "Every class.", folded=len(names) > 20)
    places = confident_mistakes(probabilities, test.labels, PICTURES)
    page.section("Confidently wrong")
    if len(places):
        picture = _mistakes_figure(test, probabilities, places, names)
        page.figure(
            picture,
            "The wrong answers given with the most confidence: true class, "
            "answer, probability.",
            wide=True,
            picture=True,
        )
    else:
        page.text("Every test image was classified as it should be.")
    page.section("Settings").table(
        [
            {"setting": key, "value": str(x)}
            for group in card["recipe"].values()
            if isinstance(group, dict)
            for key, x in group.items()
        ]
    )
    page.write(path)


def _class_rows(matrix, names) -> list[dict]:
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


def _confusion_figure(matrix, names):
    few = len(names) <= 20
    side = 1.6 + 0.45 * len(names) if few else 7
    figure = blank_figure(side + 0.6, side)
    axes = figure.subplots()
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    picture = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="answer", ylabel="true class")
    if few:
        places = range(len(names))
        axes.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(places, names)
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


def _mistakes_figure(test, probabilities, places, names):
    columns = 4
    rows = -(-len(places) // columns)
    figure = blank_figure(1.7 * columns, 2.15 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, place in zip(grid, places, strict=False):
        answer = probabilities[place].argmax()
        axes.imshow(test.images[np.array([place])][0])
        axes.set_title(
            f"{names[test.labels[place]]}\n\u2192 {names[answer]} "
            f"{probabilities[place, answer]:.0%}",
            fontsize=8,
        )
    return figure
