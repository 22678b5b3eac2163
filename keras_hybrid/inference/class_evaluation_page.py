"""The sections of an evaluation's page that are about classes."""

import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from keras_hybrid.inference.calibration import Calibration
from keras_hybrid.train.confusion_sections import add_confusion, add_mistakes
from keras_hybrid.utils.figures import blank_figure
from keras_hybrid.utils.page import Page
from keras_hybrid.utils.rejection import REJECTED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from keras_hybrid.inference.class_evaluation import EvaluationResult


def add_class_sections(
    page: Page,
    result: "EvaluationResult",
    picture: Callable[[pathlib.Path], np.ndarray],
) -> None:
    """Adds confusions, calibration, unknown images, and the most confident mistakes.

    Args:
        page: The page.
        result: The evaluation.
        picture: From a file to its pixels `(H, W, C)`.
    """
    add_confusion(page, result.matrix, result.classes)
    page.section("Calibration").figure(
        reliability_figure(result.calibration),
        "Share of right predictions by confidence. On the diagonal the two agree.",
    )
    page.table(result.calibration.rows(), "Bins of the confidence.", folded=True)
    if rows := result.rejection_rows():
        page.section("Unknown images").table(
            rows,
            "Images whose known reaches the threshold are accepted; the rule's own "
            f"threshold is {REJECTED}.",
        )
    add_mistakes(
        page,
        lambda i: picture(result.paths[i]),
        result.probabilities,
        result.labels,
        result.classes,
        result.paths,
    )
    if len(result.mistakes):
        page.table(
            result.mistake_rows(), "Files of the most confident ones.", folded=True
        )


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
