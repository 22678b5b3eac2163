"""An evaluation as one HTML file with figures and pictures of the worst mistakes."""

import pathlib
from typing import TYPE_CHECKING

import numpy as np

from keras_hybrid.data.read_images import read_image
from keras_hybrid.inference.calibration import Calibration
from keras_hybrid.inference.classifier import Classifier
from keras_hybrid.inference.evaluate_model import EvaluationResult
from keras_hybrid.inference.evaluation_text import summary_lines
from keras_hybrid.train.confusion_sections import add_confusion, add_mistakes
from keras_hybrid.utils.figures import blank_figure
from keras_hybrid.utils.page import Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

THUMBNAIL = 96
"""Side in pixels of the pictures of mistakes, if the model takes images of any size."""


def write_page(
    result: EvaluationResult, classifier: Classifier, path: pathlib.Path
) -> None:
    """Writes the page.

    Args:
        result: What `evaluate` returned.
        classifier: The model, whose resize the pictures of the mistakes have.
        path: The HTML file.

    Raises:
        ImportError: If matplotlib is missing.
    """
    page = Page(f"{result.model.name} on {result.data.name}")
    for line in summary_lines(result):
        page.text(line)
    page.table([{"metric": x, "value": y} for x, y in result.metrics.items()])
    add_confusion(page, result.matrix, result.classes)
    page.section("Calibration").figure(
        reliability_figure(result.calibration),
        "Share of right predictions by confidence. On the diagonal the two agree.",
    )
    page.table(result.calibration.rows(), "Bins of the confidence.", folded=True)
    worst = result.mistakes
    pictures = [_thumbnail(result.paths[i], classifier) for i in worst]
    add_mistakes(
        page,
        pictures,
        result.probabilities[worst],
        result.labels[worst],
        result.classes,
    )
    if len(worst):
        page.table(result.mistake_rows(), "Their files.", folded=True)
    if result.unreadable:
        rows = [{"file": str(x), "error": y} for x, y in result.unreadable.items()]
        page.section("Unreadable files").table(rows)
    page.write(path)


def reliability_figure(calibration: Calibration) -> "Figure":
    """The reliability curve as bars, with the number of images below it."""
    figure = blank_figure(4.5, 5)
    upper, lower = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": (3, 1)}
    )
    left, width = calibration.edges[:-1], np.diff(calibration.edges)
    accuracy = np.nan_to_num(calibration.accuracy)
    upper.bar(left, accuracy, width, align="edge", edgecolor="white")
    upper.plot([0, 1], [0, 1], "--", color="gray")
    upper.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    lower.bar(left, calibration.counts, width, align="edge", edgecolor="white")
    lower.set(xlabel="confidence", ylabel="images")
    return figure


def _thumbnail(path: pathlib.Path, classifier: Classifier) -> np.ndarray:
    """The pixels `(H, W, C)` that the model sees of a file."""
    height, width, channels = classifier.input_shape
    if height is None or width is None:
        height = width = THUMBNAIL
    facts = classifier.card.get("preprocessing", {})
    return read_image(path, (height, width, channels), facts)
