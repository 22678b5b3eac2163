"""Sections of a page: predicted numbers against true ones, and the largest errors."""

from typing import TYPE_CHECKING

import numpy as np

from keras_hybrid.train.mistake_gallery import Paths, Pixels, add_gallery, file_name
from keras_hybrid.train.number_scores import largest_errors
from keras_hybrid.utils.figures import blank_figure
from keras_hybrid.utils.page import Page, Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = 60
"""Pictures of the largest errors."""


def add_scatter(page: Page, values: np.ndarray, labels: np.ndarray) -> None:
    """Adds a point for each image, at its true and its predicted number.

    Args:
        page: The page.
        values: Predictions `(N, 1)`.
        labels: True numbers `(N, 1)`.
    """
    page.section("Predicted and true").figure(
        _scatter_figure(values, labels),
        "A point for each test image. On the diagonal the two agree.",
    )


def add_errors(
    page: Page,
    pixels: Pixels,
    values: np.ndarray,
    labels: np.ndarray,
    paths: Paths = None,
) -> None:
    """Adds pictures of the images whose predictions are farthest off.

    A reader filters them by the sign of the error.

    Args:
        page: The page.
        pixels: Reads an image.
        values: Predictions of all images, `(N, 1)`.
        labels: Their true numbers `(N, 1)`.
        paths: Their files, if they are known.
    """

    def describe(i: int) -> Picture:
        true, value = labels[i, 0], values[i, 0]
        sign = "too high" if value > true else "too low"
        title = f"{true:.4g} \u2192 {value:.4g}"
        return Picture(title, {"prediction": sign}, file_name(paths, i))

    page.section("Largest errors")
    add_gallery(
        page,
        pixels,
        largest_errors(values, labels, PICTURES),
        describe,
        f"The {min(len(values), PICTURES)} predictions that are farthest off: true "
        "number, predicted number.",
    )


def _scatter_figure(values: np.ndarray, labels: np.ndarray) -> "Figure":
    figure = blank_figure(4.5, 4.5)
    axes = figure.subplots()
    both = np.concatenate([labels, values])
    ends = [both.min(), both.max()]
    axes.plot(ends, ends, "--", color="gray")
    axes.scatter(labels[:, 0], values[:, 0], s=8, alpha=0.5)
    axes.set(xlabel="true", ylabel="predicted")
    axes.grid(alpha=0.3)
    return figure
