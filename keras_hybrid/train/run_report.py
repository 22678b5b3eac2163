"""`report.html`: the curves, metrics and mistakes of a run on one page."""

import pathlib
from typing import Any

import numpy as np

from keras_hybrid.data import Split
from keras_hybrid.train.confusion import confident_mistakes, confusion_matrix
from keras_hybrid.train.confusion_sections import PICTURES, add_confusion, add_mistakes
from keras_hybrid.train.curves import curves_figure
from keras_hybrid.train.recipe import result_fields
from keras_hybrid.train.summarize_test import headline_lines
from keras_hybrid.utils.page import Page


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
    for line in headline_lines(card):
        page.text(line)
    page.table([{"measure": key, "value": x} for key, x in card["metrics"].items()])
    if epochs:
        page.section("Training").figure(
            curves_figure(epochs), "Loss and accuracy over the epochs.", wide=True
        )
    add_confusion(page, matrix, names)
    wrong = confident_mistakes(probabilities, test.labels, PICTURES)
    add_mistakes(
        page,
        [test.images[np.array([index])][0] for index in wrong],
        probabilities[wrong],
        test.labels[wrong],
        names,
    )
    page.section("Settings").table(
        [
            {"setting": key, "value": str(x)}
            for key, x in result_fields(card["recipe"]).items()
        ]
    )
    page.write(path)
