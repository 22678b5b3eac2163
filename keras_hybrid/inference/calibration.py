"""Calibration: whether predictions are right as often as their confidence says."""

import dataclasses

import numpy as np

BINS = 15
"""Bins of the confidence, as in Guo et al. (2017)."""


@dataclasses.dataclass(frozen=True)
class Calibration:
    """The reliability curve of a classifier.

    The confidence of a prediction is its highest probability. Bins have equal width and
    include their upper edge.

    Attributes:
        edges: Edges of the bins, `(bins + 1,)`, from 0 to 1.
        counts: Images in each bin, `(bins,)`.
        confidence: Mean confidence in each bin, `(bins,)`; NaN where it is empty.
        accuracy: Share of right predictions in each bin; NaN where it is empty.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def expected_error(self) -> float:
        """Expected calibration error (ECE).

        It is the mean over the images of the gap between the accuracy and the mean
        confidence of their bin.
        """
        gaps = np.nan_to_num(abs(self.accuracy - self.confidence))
        return float((gaps * self.counts).sum() / self.counts.sum())

    def rows(self) -> list[dict[str, float]]:
        """Bins with images as rows of a table."""
        return [
            {
                "from": float(self.edges[i]),
                "to": float(self.edges[i + 1]),
                "images": int(self.counts[i]),
                "confidence": float(self.confidence[i]),
                "accuracy": float(self.accuracy[i]),
            }
            for i in np.flatnonzero(self.counts)
        ]


def calibration(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS
) -> Calibration:
    """The reliability curve of predictions.

    Args:
        probabilities: Predicted probabilities, `(N, classes)`.
        labels: Class numbers `(N,)`.
        bins: Number of bins.
    """
    confidence = probabilities.max(-1).astype("float64")
    right = probabilities.argmax(-1) == labels
    edges = np.linspace(0, 1, bins + 1)
    index = np.digitize(confidence, edges[1:-1], right=True)
    counts = np.bincount(index, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [
            np.bincount(index, values, minlength=bins) / counts
            for values in (confidence, right)
        ]
    return Calibration(edges, counts, *means)
