"""A classifier with the weights of an earlier run and a row for each added class."""

import math
from collections.abc import Sequence

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.data import Split
from keras_hybrid.data.targets import target_rows
from keras_hybrid.models.checkpoints import load_checkpoint
from keras_hybrid.models.keras_file import load_keras
from keras_hybrid.train.crossentropy import class_weights
from keras_hybrid.train.earlier_answers import with_earlier_answers
from keras_hybrid.train.earlier_run import EarlierRun
from keras_hybrid.train.evaluate import log_softmax, predict_features

TRAINED = 0.35
"""Share of the trained weights in the mean with those before training."""
PRIOR = 0.5
"""Probability of an added class after training, as a share of what it was."""
STEPS, MOMENTUM, DECAY = 500, 0.9, 1e-3
"""Steps of `fit_rows`, for features of mean length 1 and a learning rate of 1."""


def load_earlier(model: keras.Model, earlier: EarlierRun) -> None:
    """Loads the earlier network; rows of added classes keep their initial values.

    Args:
        model: The model, whose first classes are those of the earlier run.
        earlier: The run.

    Raises:
        ValueError: If its weights do not fit.
    """
    count = len(earlier.class_names)
    narrow = models.with_head(model, count)  # shares all layers but one
    load_checkpoint(narrow, earlier.model_file)
    head = models.classifier(model)
    rows = zip(head.get_weights(), models.classifier(narrow).get_weights(), strict=True)
    head.set_weights([np.concatenate([old, new[..., count:]], -1) for new, old in rows])


def add_classes(network: keras.Model, split: Split, earlier_run: str) -> Split:
    """Prepares a network of `load_earlier` for training; see `fit_rows`.

    Args:
        network: `(B, H, W, 3)` pixels -> `(B, classes)` logits, changed in place.
        split: The training images.
        earlier_run: Folder of the earlier run.

    Returns:
        The images to train on, see `with_earlier_answers`.
    """
    earlier = EarlierRun.read(earlier_run)
    fit_rows(network, split, len(earlier.class_names))
    teacher = models.logits(load_keras(earlier.model_file))
    return with_earlier_answers(split, teacher, network.output_shape[-1])


def fit_rows(network: keras.Model, split: Split, count: int) -> None:
    """Fits the rows of added classes to features of the network; nothing else changes.

    They minimize the cross-entropy in which all classes count alike, beside the fixed
    logits of the earlier classes, by gradient descent with momentum.

    Args:
        network: `(B, H, W, 3)` pixels -> `(B, classes)` logits, changed in place.
        split: The training images.
        count: Number of earlier classes.
    """
    head = models.classifier(network)
    kernel, bias = head.get_weights()
    if kernel.shape[1] == count:
        return
    features = predict_features(network, split).astype("float64")
    center = features.mean(0)
    scale = np.linalg.norm(features - center, axis=1).mean() + keras.config.epsilon()
    inputs = np.insert((features - center) / scale, 0, 1.0, axis=1)  # a 1 for the bias
    fixed = features @ kernel[:, :count] + bias[:count]
    targets = target_rows(split.labels, len(bias))
    weights = class_weights(split.labels, len(bias))[split.labels, None] / len(split)
    rows = np.zeros((inputs.shape[1], len(bias) - count))
    speed = np.zeros_like(rows)
    for _ in range(STEPS):
        logits = np.concatenate([fixed, inputs @ rows], 1)
        wrong = weights * (np.exp(log_softmax(logits)) - targets)
        slope = inputs.T @ wrong[:, count:]
        slope[1:] += DECAY * rows[1:]
        speed = MOMENTUM * speed - slope
        rows += speed
    kernel[:, count:] = rows[1:] / scale
    bias[count:] = rows[0] - center @ rows[1:] / scale
    head.set_weights([kernel, bias])


def keep_earlier(
    network: keras.Model, before: Sequence[np.ndarray], earlier_run: str
) -> None:
    """Takes a trained network back towards the earlier one.

    Its weights become the mean with those before training (Wortsman et al. 2022), and
    added classes less probable. Training shows all classes equally often, but knows
    the few images of earlier ones by heart, so that it takes others for added classes.

    Args:
        network: The trained network, changed in place.
        before: Its weights after `add_classes`.
        earlier_run: Folder of the earlier run.
    """
    pairs = zip(before, network.get_weights(), strict=True)
    network.set_weights([old + TRAINED * (new - old) for old, new in pairs])
    head = models.classifier(network)
    kernel, bias = head.get_weights()
    bias[len(EarlierRun.read(earlier_run).class_names) :] += math.log(PRIOR)
    head.set_weights([kernel, bias])
