"""Sections of a page: which classes are confused, and the most confident mistakes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_hybrid.train.confusion import class_scores, confused_pairs
from keras_hybrid.utils.figures import blank_figure
from keras_hybrid.utils.page import Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAIRS = 15
"""Rows of the table of confusions."""
PICTURES = 24
"""Pictures of mistakes."""
FEW_CLASSES = 20
"""Up to so many classes a matrix shows its numbers."""


def add_confusion(page: Page, matrix: np.ndarray, names: tuple[str, ...]) -> None:
    """Adds the confusion matrix, the most frequent confusions and every class.

    Args:
        page: The page.
        matrix: What `confusion_matrix` returns.
        names: Names of the classes.
    """
    page.section("Confusion").figure(
        _confusion_figure(matrix, names),
        "Share of each true class (row) that was predicted as each class (column).",
        wide=True,
    )
    pairs = confused_pairs(matrix, names, PAIRS)
    if pairs:
        page.table(pairs, "The most frequent confusions.")
    rows = class_rows(matrix, names)
    page.table(rows, "Every class.", folded=len(names) > FEW_CLASSES)


def add_mistakes(
    page: Page,
    images: Sequence[np.ndarray],
    probabilities: np.ndarray,
    labels: np.ndarray,
    names: tuple[str, ...],
) -> None:
    """Adds pictures of the most confident mistakes.

    Args:
        page: The page.
        images: Pixels `(H, W, C)` of each.
        probabilities: Their predicted probabilities, `(N, classes)`.
        labels: Their true classes, `(N,)`.
        names: Names of the classes.
    """
    page.section("Confidently wrong")
    if not len(images):
        page.text("Every test image was classified correctly.")
        return
    page.figure(
        _mistakes_figure(images, probabilities, labels, names),
        "The wrong predictions with the highest probability: true class, "
        "predicted class, probability.",
        wide=True,
        picture=True,
    )


def class_rows(matrix: np.ndarray, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Images, precision, recall and F1 score of each class, as rows of a table."""
    scores = class_scores(matrix)
    return [
        {
            "class": name,
            "images": int(scores["support"][i]),
            **{x: _percent(scores[x][i]) for x in ("precision", "recall", "f1")},
        }
        for i, name in enumerate(names)
    ]


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{share:.1%}"


def _confusion_figure(matrix: np.ndarray, names: tuple[str, ...]) -> "Figure":
    few = len(names) <= FEW_CLASSES
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
    images: Sequence[np.ndarray],
    probabilities: np.ndarray,
    labels: np.ndarray,
    names: tuple[str, ...],
) -> "Figure":
    columns = 4
    rows = -(-len(images) // columns)
    figure = blank_figure(1.7 * columns, 2.15 * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, image, row, label in zip(
        grid, images, probabilities, labels, strict=False
    ):
        axes.imshow(image, cmap="gray")  # the map is for one channel
        axes.set_title(
            f"{names[label]}\n\u2192 {names[row.argmax()]} {row.max():.0%}", fontsize=8
        )
    return figure
