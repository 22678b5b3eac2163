"""Where a classifier is wrong: counts, pairs of classes, single images."""

import numpy as np


def confusion_matrix(labels: np.ndarray, answers: np.ndarray, classes: int):
    """Counts of images `(classes, classes)`: true class by row, answer by column."""
    flat = np.bincount(labels * classes + answers, minlength=classes * classes)
    return flat.reshape(classes, classes)


def confused_pairs(matrix: np.ndarray, names: tuple[str, ...], count: int) -> list:
    """The commonest mistakes, as rows of a table, the commonest first."""
    wrong = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    pairs = zip(*np.unravel_index(order, matrix.shape), strict=True)
    return [
        {
            "true class": names[true],
            "taken for": names[answer],
            "images": int(wrong[true, answer]),
            "of that class": f"{wrong[true, answer] / matrix[true].sum():.1%}",
        }
        for true, answer in pairs
        if wrong[true, answer]
    ]


def confident_mistakes(
    probabilities: np.ndarray, labels: np.ndarray, count: int
) -> np.ndarray:
    """Places of the wrong answers that were given with the most confidence."""
    answers = probabilities.argmax(-1)
    wrong = np.flatnonzero(answers != labels)
    return wrong[np.argsort(-probabilities[wrong].max(-1), kind="stable")[:count]]
