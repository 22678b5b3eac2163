"""Fits the rule by which a classifier rejects images that are unlike its own."""

import math
from typing import Any

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.data import Evaluation, Split
from keras_hybrid.layers import Familiarity
from keras_hybrid.layers.familiarity import distance_inputs
from keras_hybrid.train.evaluate import BATCH, averaged
from keras_hybrid.utils.rejection import REJECTED

MOST = 10_000
"""Training images that means and covariances are computed from."""
FEWEST = 10
"""Held-out images without which there is no rule."""
_LEAST_VARIANCE = 1e-4
_ROUGH = 0.1


def add_rule(
    model: keras.Model, tta: str, training: Split, held_out: Split
) -> tuple[keras.Model, dict[str, Any]]:
    """The model with a rule for unknown images, and what the card says of it.

    With fewer than `FEWEST` held-out images there is none.

    Args:
        model: The trained model.
        tta: The views over which predictions are averaged, see `averaged`.
        training: Images that it was trained on.
        held_out: Others of the same classes.
    """
    count = len(held_out)
    if count < FEWEST:
        print(f"Unknown images: {count} validation images are too few for a rule.")
        return model, {}
    model = models.with_familiarity(model)
    fit_familiarity(model, averaged(model, tta), training, held_out)
    low, high = (round(x, 4) for x in accepted_interval(count))
    facts = {"held_out": count, "accepted": [low, high], "text": [describe_rule(count)]}
    return model, {"unknown": facts}


def fit_familiarity(
    model: keras.Model, predictor: keras.Model, training: Split, held_out: Split
) -> None:
    """Computes the weights of the `Familiarity` layer of a model.

    Means and covariances are those of training images. The scale of every signal and
    the curve of `known` are those of held-out images.

    Args:
        model: A trained model that `models.with_familiarity` returned.
        predictor: What predicts: the model, or its mean over views.
        training: Images that it was trained on.
        held_out: Others of the same classes.
    """
    layer = _rule(model)
    reader = keras.Model(predictor.input, _rule(predictor).input)
    step = max(1, len(training) // MOST)
    sample = training.select(np.arange(0, len(training), step))
    _, *statistics = _read(reader, sample)
    for x, center in zip(statistics, layer.centers, strict=True):
        center.assign(x.mean(0))
    centered = distance_inputs(*(x - x.mean(0) for x in statistics))
    for x, factor in zip(centered, layer.factors, strict=True):
        factor.assign(whitening(keras.ops.convert_to_numpy(x)))
    signals = _signals(layer, _read(reader, held_out))
    middle = np.median(signals, 0)
    spread = np.quantile(signals, 1 - REJECTED, 0) - middle
    layer.middle.assign(middle)
    layer.spread.assign(np.maximum(spread, 1e-6))
    combined = layer.combined(keras.ops.convert_to_tensor(signals))
    strange = np.sort(keras.ops.convert_to_numpy(combined))
    _assign_curve(layer, strange)


def whitening(x: np.ndarray) -> np.ndarray:
    """The matrix `(C, C)` after which centered vectors `(N, C)` have unit covariance.

    The covariance is shrunk (Chen et al. 2010, oracle approximating shrinkage).
    """
    x = x.astype("float64")
    count, width = x.shape
    covariance = x.T @ x / count
    mean = max(np.trace(covariance) / width, 1e-12)
    square = np.square(covariance).mean()
    rest = (count + 1) * (square - mean**2 / width)
    share = min(1.0, (square + mean**2) / rest) if rest > 0 else 1.0
    covariance = (1 - share) * covariance + share * mean * np.eye(width)
    values, directions = np.linalg.eigh(covariance)
    return directions / np.sqrt(np.maximum(values, _LEAST_VARIANCE * mean))


def accepted_interval(held_out: int, confidence: float = 0.95) -> tuple[float, float]:
    """Between which shares of known images a rule accepts.

    The rule is meant to accept all but `REJECTED` of them. The share that it accepts
    is a beta variable of the number of held-out images (Vovk 2012, arXiv:1209.2673).

    Args:
        held_out: Number of held-out images.
        confidence: Probability that the share lies in the interval.
    """
    rejected = max(1, math.floor(REJECTED * (held_out + 1)))
    accepted = held_out + 1 - rejected
    tail = (1 - confidence) / 2
    low, high = (_beta_quantile(x, accepted, rejected) for x in (tail, 1 - tail))
    return low, high


def describe_rule(held_out: int) -> str:
    """What the rule promises, in a line; with few images the interval alone."""
    low, high = accepted_interval(held_out)
    found = f"between {100 * low:.1f} and {100 * high:.1f} % of known images"
    if high - low > _ROUGH:
        return (
            f"Unknown images: {held_out} held-out images leave open how many known "
            f"images are accepted, {found}."
        )
    return (
        f"Unknown images: {100 - 100 * REJECTED:.0f} % of known images are accepted, "
        f"{found} by {held_out:,} held-out images."
    )


def _rule(model: keras.Model) -> Familiarity:
    layer = models.familiarity(model)
    if layer is None:
        raise ValueError(f"{model.name} has no Familiarity layer.")
    return layer


def _read(reader: keras.Model, split: Split) -> list[np.ndarray]:
    unlabelled = Split(split.images, np.zeros(len(split), "int64"))
    images = Evaluation(unlabelled, reader.output_shape[0][-1], BATCH)
    return [x[: len(split)] for x in reader.predict(images, verbose=0)]


def _signals(layer: Familiarity, inputs: list[np.ndarray]) -> np.ndarray:
    starts = range(0, len(inputs[0]), BATCH)
    batches = ([x[i : i + BATCH] for x in inputs] for i in starts)
    found = [keras.ops.convert_to_numpy(layer.signals(x)) for x in batches]
    return np.concatenate(found)


def _assign_curve(layer: Familiarity, strange: np.ndarray) -> None:
    """The curve from the strangeness of held-out images, ascending, to `known`.

    Beyond the strangest one it falls to 0 within the distance of that to the median.
    """
    count = len(strange)
    shares = np.arange(count, 0, -1) / (count + 1)
    beyond = strange[-1] + max(strange[-1] - np.median(strange), 1e-3)
    x = np.maximum.accumulate(np.append(strange, beyond) + 1e-6 * np.arange(count + 1))
    levels = np.geomspace(1, 101, layer.knots)[::-1] / 100 - 0.01  # 1 to 0, dense at 0
    knots = np.interp(-levels, -np.append(shares, 0), x)
    layer.strangeness.assign(knots)
    layer.share.assign(levels)


def _beta_quantile(probability: float, a: int, b: int) -> float:
    """The quantile of a beta distribution with whole parameters, by bisection.

    A beta variable is at most x as often as a of a + b - 1 trials succeed that do so
    with probability x.
    """
    trials = a + b - 1
    k = np.arange(a, trials + 1)
    logs = np.array(
        [
            math.lgamma(trials + 1) - math.lgamma(i + 1) - math.lgamma(trials - i + 1)
            for i in k
        ]
    )
    low, high = 0.0, 1.0
    for _ in range(60):
        x = (low + high) / 2
        below = np.exp(logs + k * math.log(x) + (trials - k) * math.log1p(-x)).sum()
        low, high = (x, high) if below < probability else (low, x)
    return low
