"""Bootstrap intervals of the difference of two models on the same images."""

import numpy as np

from keras_hybrid.train.bootstrap import TAIL, Interval, recalls, resamples
from keras_hybrid.utils.significant import significant


def mean_samples(scores: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """The mean score of each model in samples of the images with replacement.

    A sample is the same images for all models, so that differences are paired.

    Args:
        scores: Of each model and image, `(models, N)`.
        groups: Group numbers `(N,)`, of which whole groups are drawn.

    Returns:
        `(samples, models)`.
    """
    count = scores.shape[1]
    weights = resamples(count, groups)
    return np.array([scores @ drawn / drawn.sum() for drawn in weights])


def recall_samples(
    labels: np.ndarray, right: np.ndarray, groups: np.ndarray | None = None
) -> np.ndarray:
    """The mean recall of the classes that occur, as `mean_samples` gives a mean.

    A class that a sample lacks keeps its recall.

    Args:
        labels: Class numbers `(N,)`.
        right: Whether each model has each image right, `(models, N)`.
        groups: Group numbers `(N,)`.
    """
    labels = np.unique(labels, return_inverse=True)[1]
    whole = recalls(labels, right, np.ones(len(labels)), 0.0)
    return np.array(
        [
            recalls(labels, right, drawn, whole).mean(1)
            for drawn in resamples(len(labels), groups)
        ]
    )


def difference(samples: np.ndarray, value: float, limit: float | None) -> Interval:
    """The 95 % interval of a difference.

    Args:
        samples: The difference in each sample, `(samples,)`.
        value: The difference in all images.
        limit: Where two models have the same images right, so that all samples are 0:
            what the ends may be, see `agreement_limit`.
    """
    low, high = np.quantile(samples, (TAIL, 1 - TAIL))
    if limit is not None:
        low, high = -limit, limit
    return Interval(*map(significant, (value, low, high)))


def agreement_limit(units: int) -> float:
    """The share of images on which two models may differ that agree on all of some.

    It is the end of the exact 95 % interval, `1 - 0.025 ** (1 / units)`.

    Args:
        units: Number of images, or of their groups.
    """
    return float(1 - TAIL ** (1 / units))
