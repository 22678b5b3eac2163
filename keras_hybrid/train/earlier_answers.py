"""Targets of a run that adds classes: labels, and what the earlier network answers."""

import keras
import numpy as np

from keras_hybrid.data import Split
from keras_hybrid.data.targets import target_rows
from keras_hybrid.train.evaluate import log_softmax, predict_split

SHARE = 0.5
"""Share of the earlier network's answer in the target of an earlier class's image."""
TEMPERATURE = 2.0
"""The earlier network's logits are divided by it."""


def with_earlier_answers(split: Split, network: keras.Model, classes: int) -> Split:
    """The images with distillation targets in place of their labels.

    An image of an earlier class has the mean of its label and of the probabilities of
    the earlier network, so that its answers are kept (learning without forgetting, Li
    and Hoiem 2016). One of an added class has its label.

    Args:
        split: The training images.
        network: The earlier network: `(B, H, W, 3)` pixels -> `(B, K)` logits.
        classes: Number of all classes, of which the first K are the earlier ones.

    Returns:
        The split with labels `(N, classes)`.
    """
    rows = target_rows(split.labels, classes)
    unlabelled = Split(split.images, np.zeros_like(split.labels))
    logits = predict_split(network, unlabelled)
    old = np.flatnonzero(split.labels < logits.shape[1])
    answers = np.exp(log_softmax(logits[old] / TEMPERATURE))
    rows[old] *= 1 - SHARE
    rows[old, : logits.shape[1]] += SHARE * answers.astype("float32")
    return Split(split.images, rows, split.paths, split.groups)
