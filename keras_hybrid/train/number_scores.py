"""How good predicted numbers are: errors, intervals, and what a constant reaches."""

from typing import Any

import numpy as np

from keras_hybrid.train.bootstrap import TAIL, resamples
from keras_hybrid.utils.significant import significant


def number_metrics(values: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Metrics of predicted numbers, of six significant digits.

    Args:
        values: Predictions `(N, 1)`.
        labels: True numbers `(N, 1)`.

    Returns:
        The mean absolute error `mae` and the root of the mean squared error `rmse`, in
        the unit of the numbers; and the coefficient of determination `r2`, which is 1
        for perfect predictions and 0 for those of the mean. Without two different true
        numbers it is 0.
    """
    errors, weights = values - labels, np.ones(len(labels))
    mae, r2 = _scores(errors, labels, weights)
    found = {"mae": mae, "rmse": np.sqrt((errors**2).mean()), "r2": r2}
    return {name: significant(value) for name, value in found.items()}


def number_headline(
    values: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None
) -> dict[str, Any]:
    """The result of a test, beside that of always answering the median.

    Args:
        values: Predictions `(N, 1)`.
        labels: True numbers `(N, 1)`.
        groups: Group numbers `(N,)`, if images belong together.

    Returns:
        `images`; `mae` and `r2` with `value`, `low` and `high`, a 95 % interval by the
        bootstrap; `constant` and `constant_mae`, the median and its error; and `text`,
        the lines to print.
    """
    errors = values - labels
    weights = resamples(len(labels), groups)
    samples = [_scores(errors, labels, drawn) for drawn in weights]
    whole = _scores(errors, labels, np.ones(len(labels)))
    low, high = np.quantile(samples, (TAIL, 1 - TAIL), axis=0)
    median = float(np.median(labels))
    found: dict[str, Any] = {"images": len(labels)}
    for i, name in enumerate(("mae", "r2")):
        interval = {"value": whole[i], "low": low[i], "high": high[i]}
        found[name] = {x: significant(y) for x, y in interval.items()}
    found["constant"] = float(f"{median:.6g}")
    found["constant_mae"] = float(f"{np.abs(labels - median).mean():.6g}")
    return found | {"text": _lines(found, labels)}


def _lines(found: dict[str, Any], labels: np.ndarray) -> list[str]:
    mae, r2 = (
        "{value:.4g} (95 % interval {low:.4g} to {high:.4g})".format(**found[name])
        for name in ("mae", "r2")
    )
    constant = f"{found['constant']:.4g}"
    lines = [
        f"Mean absolute error {mae}, R2 {r2}, on {found['images']:,} images with "
        f"numbers from {labels.min():.4g} to {labels.max():.4g}. Always answering "
        f"{constant} would have an error of {found['constant_mae']:.4g}."
    ]
    if found["mae"]["high"] >= found["constant_mae"]:
        better = found["mae"]["value"] < found["constant_mae"]
        lines.append(
            f"This is {'not clearly' if better else 'no'} better than always answering "
            f"{constant}."
        )
    return lines


def largest_errors(values: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Indices of the predictions that are farthest off, the worst first."""
    return np.argsort(-np.abs(values - labels)[:, 0], kind="stable")[:count]


def _scores(
    errors: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> tuple[float, float]:
    """Mean absolute error and R2 of weighted images."""
    share = weights[:, None] / weights.sum()
    labels = labels - labels[0]  # equal numbers are exactly 0
    spread = (share * (labels - (share * labels).sum()) ** 2).sum()
    squared = (share * errors**2).sum()
    r2 = 1 - squared / spread if spread > 0 else 0.0
    return float((share * np.abs(errors)).sum()), float(r2)
