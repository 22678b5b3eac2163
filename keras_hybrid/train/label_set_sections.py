"""Sections of a page: every class, and the surest mistakes, of several per image."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_hybrid.train.label_set_scores import (
    average_precision,
    label_scores,
    largest_losses,
)
from keras_hybrid.train.mistake_gallery import Paths, Pixels, add_gallery, file_name
from keras_hybrid.utils.page import Page, Picture


def add_labels(
    page: Page,
    probabilities: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    thresholds: np.ndarray,
) -> None:
    """Adds a table of every class.

    Args:
        page: The page.
        probabilities: Predicted probabilities `(N, classes)`.
        labels: 0 or 1, `(N, classes)`.
        names: Names of the classes.
        thresholds: Of each class, `(classes,)`.
    """
    rows = label_rows(probabilities, labels, names, thresholds)
    page.section("Every class").table([in_percent(row) for row in rows])


def add_label_mistakes(
    page: Page,
    pixels: Pixels,
    probabilities: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    paths: Paths = None,
) -> None:
    """Adds pictures of the surest mistakes, each with the class that is wrong.

    A reader filters them by this class, and by whether the image has it.

    Args:
        page: The page.
        pixels: Reads an image.
        probabilities: Predicted probabilities of all images, `(N, classes)`.
        labels: 0 or 1, `(N, classes)`.
        names: Names of the classes.
        paths: Their files, if they are known.
    """
    page.section("Confidently wrong")
    wrong = largest_losses(probabilities, labels, len(labels))
    if not len(wrong):
        page.text("Every test image has the right classes.")
        return

    def describe(i: int) -> Picture:
        k = int(np.abs(probabilities[i] - labels[i]).argmax())
        has, found = bool(labels[i, k]), f"{probabilities[i, k]:.0%}"
        title = f"{'' if has else 'no '}{names[k]} \u2192 {found}"
        properties = {"class": names[k], "mistake": "missed" if has else "not there"}
        return Picture(title, properties, file_name(paths, i))

    add_gallery(
        page,
        pixels,
        wrong,
        describe,
        "The surest mistakes: the class, and its predicted probability.",
    )


def label_rows(
    probabilities: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    thresholds: np.ndarray,
) -> list[dict[str, Any]]:
    """A row of each class, ready for JSON; None where a score is undefined."""
    scores = label_scores(probabilities > thresholds, labels)
    scores["average_precision"] = average_precision(probabilities, labels)
    return [
        {"class": name}
        | {x: None if np.isnan(y[i]) else y[i].item() for x, y in scores.items()}
        | {"threshold": float(thresholds[i])}
        for i, name in enumerate(names)
    ]


def in_percent(row: dict[str, Any]) -> dict[str, Any]:
    """A row of `label_rows` as text."""
    shares = ("precision", "recall", "f1", "average_precision")
    return row | {x: "-" if row[x] is None else f"{row[x]:.1%}" for x in shares}
