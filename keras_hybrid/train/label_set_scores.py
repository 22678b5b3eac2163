"""How good the probabilities of several classes per image are."""

from typing import Any

import numpy as np

from keras_hybrid.train.bootstrap import TAIL, Interval, resamples

THRESHOLD = 0.5
"""Probability above which an image is said to have a class, if none is chosen."""
FEW = 5
"""A threshold is chosen by so many images with the class and without it, at least."""


def label_set_metrics(
    probabilities: np.ndarray, labels: np.ndarray, thresholds: np.ndarray
) -> dict[str, float]:
    """Metrics of predictions, rounded to six decimals.

    Args:
        probabilities: Predicted probabilities `(N, classes)`.
        labels: 0 or 1 for each class, `(N, classes)`.
        thresholds: Of each class, `(classes,)`.

    Returns:
        Binary cross-entropy `loss`; `mean_average_precision` of the classes that occur
        (mAP); `macro_f1` of the classes that occur or were predicted; and
        `exact_match`, the share of images whose classes are all right.
    """
    tiny = np.finfo("float32").tiny
    right = np.where(labels == 1, probabilities, 1 - probabilities)
    said = probabilities > thresholds
    metrics = {
        "loss": -np.log(np.maximum(right, tiny)).mean(),
        "mean_average_precision": _mean(average_precision(probabilities, labels)),
        "macro_f1": _mean(label_scores(said, labels)["f1"]),
        "exact_match": (said == labels).all(1).mean(),
    }
    return {name: round(float(value), 6) for name, value in metrics.items()}


def best_thresholds(probabilities: np.ndarray, labels: np.ndarray) -> list[float]:
    """The threshold of each class with the best F1 score.

    It lies half-way between two of the probabilities. With few images (`FEW`) it is
    `THRESHOLD`.

    Args:
        probabilities: Predicted probabilities `(N, classes)`.
        labels: 0 or 1, `(N, classes)`.
    """
    found = []
    for row, true in zip(probabilities.T, labels.T, strict=True):
        if min(true.sum(), (1 - true).sum()) < FEW:
            found.append(THRESHOLD)
            continue
        steps = np.unique(row)
        middles = (steps[1:] + steps[:-1]) / 2 if len(steps) > 1 else steps
        said = row[:, None] > middles  # (N, thresholds)
        scores = label_scores(said, np.broadcast_to(true[:, None], said.shape))["f1"]
        found.append(round(float(middles[np.nan_to_num(scores).argmax()]), 6))
    return found


def label_scores(said: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Precision, recall and F1 score of every class, and its number of images.

    Args:
        said: Whether each image was predicted to have a class, `(N, classes)`.
        labels: 0 or 1, `(N, classes)`.

    Returns:
        `precision`, `recall`, `f1` and `support`, each `(classes,)`. A score whose
        denominator is 0 is NaN.
    """
    right, given, true = (said & (labels == 1)).sum(0), said.sum(0), labels.sum(0)
    with np.errstate(invalid="ignore"):
        return {
            "precision": right / given,
            "recall": right / true,
            "f1": 2 * right / (given + true.astype("int64")),
            "support": true.astype("int64"),
        }


def average_precision(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The average precision of every class, `(classes,)`; NaN without an image of it.

    It is the mean precision over the recall, as in scikit-learn: the sum over distinct
    probabilities of `(R_n - R_(n-1)) P_n`.
    """
    ranked = [_Ranking(*pair) for pair in zip(probabilities.T, labels.T, strict=True)]
    weights = np.ones(len(labels))
    return np.array([ranking.average_precision(weights) for ranking in ranked])


def label_set_headline(
    probabilities: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None = None,
) -> dict[str, Any]:
    """The result of a test, beside that of images in random order.

    Args:
        probabilities: Predicted probabilities `(N, classes)`.
        labels: 0 or 1, `(N, classes)`.
        groups: Group numbers `(N,)`, if images belong together.

    Returns:
        `images`, `classes` that occur; `mean_average_precision` with `value`, `low` and
        `high`, a 95 % interval by the bootstrap; `by_chance`, what
        images in random order have in the mean; and `text`, the lines to print.
    """
    pairs = zip(probabilities.T, labels.T, strict=True)
    ranked = [_Ranking(*pair) for pair in pairs if pair[1].any()]

    def score(weights: np.ndarray) -> float:
        return _mean(np.array([x.average_precision(weights) for x in ranked]))

    samples = [score(weights) for weights in resamples(len(labels), groups)]
    ends = np.quantile(samples, (TAIL, 1 - TAIL))
    values = (score(np.ones(len(labels))), *ends)
    found = Interval(*(round(float(x), 6) for x in values))
    occurring = labels[:, labels.any(0)]
    chance = round(float(_by_chance(occurring).mean()), 6) if ranked else 0.0
    lines = [
        f"Mean average precision {found}, on {len(labels):,} images with "
        f"{labels.sum(1).mean():.1f} of {len(ranked)} classes each. In random order it "
        f"would be {100 * chance:.1f} %."
    ]
    if found.low <= chance:
        better = "not clearly" if found.value > chance else "no"
        lines.append(f"This is {better} better than random order.")
    return {
        "images": len(labels),
        "classes": len(ranked),
        "mean_average_precision": found._asdict(),
        "by_chance": chance,
        "text": lines,
    }


def _by_chance(labels: np.ndarray) -> np.ndarray:
    """The expected average precision of images in random order, of each class.

    Args:
        labels: 0 or 1, `(N, classes)`; each class has an image.
    """
    count, having = len(labels), labels.sum(0)
    harmonic = (1 / np.arange(1, count + 1)).sum()
    others = (having - 1) / max(count - 1, 1)
    return (others * (count - harmonic) + harmonic) / count


def largest_losses(
    probabilities: np.ndarray, labels: np.ndarray, count: int
) -> np.ndarray:
    """Indices of the images whose likeliest wrong answer is the surest."""
    wrong = np.abs(probabilities - labels).max(1)
    order = np.argsort(-wrong, kind="stable")[:count]
    return order[wrong[order] > THRESHOLD]


class _Ranking:
    """The images in the order of a class's probability, the highest first.

    Args:
        probabilities: `(N,)`.
        labels: 0 or 1, `(N,)`.
    """

    def __init__(self, probabilities: np.ndarray, labels: np.ndarray):
        self.order = np.argsort(-probabilities, kind="stable")
        ranked = probabilities[self.order]
        self.labels = labels[self.order]
        self.ends = np.append(ranked[1:] != ranked[:-1], True)  # of equal ones

    def average_precision(self, weights: np.ndarray) -> float:
        """That of weighted images; NaN if none of them has the class."""
        weights = weights[self.order]
        hits = np.cumsum(weights * self.labels)[self.ends]
        seen = np.cumsum(weights)[self.ends]
        if not hits[-1]:
            return np.nan
        steps = np.diff(hits, prepend=0.0) / hits[-1]
        return float((steps * hits / np.maximum(seen, 1e-12)).sum())


def _mean(values: np.ndarray) -> float:
    """The mean of the values that are numbers; 0 if there are none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else 0.0
