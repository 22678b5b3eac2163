"""An evaluation as one HTML file with figures and pictures of the worst mistakes."""

import pathlib

import numpy as np

from keras_hybrid.data.read_images import read_image
from keras_hybrid.inference.classifier import Classifier
from keras_hybrid.inference.evaluation import Evaluation
from keras_hybrid.inference.evaluation_text import summary_lines
from keras_hybrid.utils.page import Page

THUMBNAIL = 96
"""Side in pixels of the pictures of mistakes, if the model takes images of any size."""


def write_page(result: Evaluation, classifier: Classifier, path: pathlib.Path) -> None:
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
    result.add_sections(page, lambda file: _thumbnail(file, classifier))
    if result.unreadable:
        rows = [{"file": str(x), "error": y} for x, y in result.unreadable.items()]
        page.section("Unreadable files").table(rows)
    page.write(path)


def _thumbnail(path: pathlib.Path, classifier: Classifier) -> np.ndarray:
    """The pixels `(H, W, C)` that the model sees of a file."""
    height, width, channels = classifier.input_shape
    if height is None or width is None:
        height = width = THUMBNAIL
    facts = classifier.card.get("preprocessing", {})
    return read_image(path, (height, width, channels), facts)
