"""Sections of a page: which classes are confused, and the most confident mistakes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_hybrid.train.confusion import (
    class_scores,
    confused_pairs,
    varied_mistakes,
)
from keras_hybrid.train.mistake_gallery import Paths, Pixels, add_gallery, file_name
from keras_hybrid.utils.figures import blank_figure, short_name
from keras_hybrid.utils.page import Page, Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAIRS = 15
"""Rows of the table of confusions."""
FEW_CLASSES = 20
"""Up to so many classes a matrix shows its numbers."""

_NARROW = 8  # classes whose matrix needs no whole row


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
        wide=len(names) > _NARROW,
    )
    pairs = confused_pairs(matrix, names, PAIRS)
    if pairs:
        page.table(pairs, "The most frequent confusions.")
    rows = class_rows(matrix, names)
    page.table(rows, "Every class.", folded=len(names) > FEW_CLASSES)


def add_mistakes(
    page: Page,
    pixels: Pixels,
    probabilities: np.ndarray,
    labels: np.ndarray,
    names: tuple[str, ...],
    paths: Paths = None,
) -> None:
    """Adds pictures of mistakes, which a reader filters by true and predicted class.

    Args:
        page: The page.
        pixels: Reads an image.
        probabilities: Predicted probabilities of all images, `(N, classes)`.
        labels: Their true classes, `(N,)`.
        names: Names of the classes.
        paths: Their files, if they are known.
    """
    page.section("Confidently wrong")
    wrong = varied_mistakes(probabilities, labels)
    if not len(wrong):
        page.text("Every test image was classified correctly.")
        return
    confidence, predicted = probabilities.max(-1), probabilities.argmax(-1)

    def describe(i: int) -> Picture:
        true, found = names[labels[i]], names[predicted[i]]
        title = f"{true} \u2192 {found} {confidence[i]:.0%}"
        properties = {"true class": true, "predicted class": found}
        return Picture(title, properties, file_name(paths, i))

    add_gallery(
        page,
        pixels,
        wrong,
        describe,
        "Wrong predictions, the most confident first: true class, predicted class, "
        "probability.",
        lambda i: confidence[i],
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
        ticks, shown = range(len(names)), [short_name(name) for name in names]
        turned: dict[str, Any] = {"rotation": 45, "rotation_mode": "anchor"}
        axes.set_xticks(ticks, shown, ha="right", parse_math=False, **turned)
        axes.set_yticks(ticks, shown, parse_math=False)
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
