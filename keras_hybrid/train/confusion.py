"""Where a classifier is wrong: confusion matrix, confused pairs, single images."""

import collections
from collections.abc import Sequence
from typing import Any

import numpy as np


def confusion_matrix(
    labels: np.ndarray, predictions: np.ndarray, classes: int
) -> np.ndarray:
    """Counts of images `(classes, classes)`: true class by row, predicted by column."""
    flat = np.bincount(labels * classes + predictions, minlength=classes * classes)
    return flat.reshape(classes, classes)


def class_scores(matrix: np.ndarray) -> dict[str, np.ndarray]:
    """Precision, recall and F1 score of every class, and its number of images.

    Args:
        matrix: What `confusion_matrix` returns.

    Returns:
        `precision`, `recall`, `f1` and `support`, each `(classes,)`. A score whose
        denominator is 0 is NaN.
    """
    right, true, given = np.diag(matrix), matrix.sum(1), matrix.sum(0)
    with np.errstate(invalid="ignore"):
        return {
            "precision": right / given,
            "recall": right / true,
            "f1": 2 * right / (true + given),
            "support": true,
        }


def score_rows(matrix: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """`class_scores` as a row of each class, ready for JSON; None if undefined."""
    scores = class_scores(matrix)
    return [
        {"class": name}
        | {x: None if np.isnan(y[i]) else y[i].item() for x, y in scores.items()}
        for i, name in enumerate(names)
    ]


def confused_pairs(
    matrix: np.ndarray, names: tuple[str, ...], count: int
) -> list[dict[str, Any]]:
    """The most frequent confusions as rows of a table, in descending order."""
    wrong = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    pairs = zip(*np.unravel_index(order, matrix.shape), strict=True)
    return [
        {
            "true class": names[true],
            "taken for": names[predicted],
            "images": int(wrong[true, predicted]),
            "of that class": f"{wrong[true, predicted] / matrix[true].sum():.1%}",
        }
        for true, predicted in pairs
        if wrong[true, predicted]
    ]


def confident_mistakes(
    probabilities: np.ndarray, labels: np.ndarray, count: int
) -> np.ndarray:
    """Indices of the wrong predictions with the highest probability."""
    predictions = probabilities.argmax(-1)
    wrong = np.flatnonzero(predictions != labels)
    return wrong[np.argsort(-probabilities[wrong].max(-1), kind="stable")[:count]]


def varied_mistakes(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Indices of all wrong predictions, those of as many pairs as possible first.

    The most confident mistake of each pair of a true and a predicted class comes first,
    then the second one of each pair, and so on.

    Args:
        probabilities: Predicted probabilities `(N, classes)`.
        labels: True classes, `(N,)`.
    """
    wrong = confident_mistakes(probabilities, labels, len(labels))
    pairs = zip(labels[wrong], probabilities[wrong].argmax(-1), strict=True)
    seen: collections.Counter[tuple[int, int]] = collections.Counter()
    ranks = []
    for pair in pairs:
        ranks.append(seen[pair])
        seen[pair] += 1
    return wrong[np.argsort(ranks, kind="stable")]
