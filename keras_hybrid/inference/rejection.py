"""What the rule for unknown images does to labelled images."""

from typing import Any

import numpy as np

from keras_hybrid.utils.rejection import REJECTED

_THRESHOLDS = (0.0, 0.01, REJECTED, 0.1, 0.2, 0.5)


def rejection_rows(known: np.ndarray, right: np.ndarray) -> list[dict[str, Any]]:
    """Risk and coverage: how many images are accepted, and the accuracy of these.

    Args:
        known: How much each image is like the training images, `(N,)`.
        right: Whether its predicted class is right, `(N,)`.

    Returns:
        A row for each threshold of `known`. The accuracy is None where no image is
        accepted.
    """
    rows = []
    for threshold in _THRESHOLDS:
        accepted = known >= threshold
        rows.append(
            {
                "threshold": threshold,
                "accepted": float(accepted.mean()),
                "accuracy": float(right[accepted].mean()) if accepted.any() else None,
            }
        )
    return rows


def rejection_metrics(known: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """The share of accepted images, and their accuracy if there are any."""
    accepted = known >= REJECTED
    found = {"accepted": round(float(accepted.mean()), 6)}
    if accepted.any():
        found["accepted_accuracy"] = round(float(right[accepted].mean()), 6)
    return found
