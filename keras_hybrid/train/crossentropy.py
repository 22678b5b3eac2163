"""The loss: cross-entropy of logits, with weights of classes."""

import keras
import numpy as np
from keras import ops

from keras_hybrid.utils.typing import Tensor


def class_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """Weights with which all classes count alike; their mean over the images is 1.

    Args:
        labels: Class numbers `(N,)`.
        classes: Number of classes. One without images has the weight 0.

    Returns:
        `(classes,)`, float32.
    """
    counts = np.bincount(labels, minlength=classes)
    weights = len(labels) / np.maximum(counts, 1) / (counts > 0).sum()
    return (weights * (counts > 0)).astype("float32")


class Crossentropy(keras.losses.CategoricalCrossentropy):
    """Cross-entropy of logits and one-hot or mixed labels.

    Args:
        label_smoothing: Share of the label that is spread over all classes.
        weights: Weight of every class, `(classes,)`; a mixed label has the mean of the
            weights of its classes. None weights all alike.
    """

    def __init__(self, label_smoothing: float, weights: np.ndarray | None = None):
        super().__init__(from_logits=True, label_smoothing=label_smoothing)
        self.weights = weights

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        loss = super().call(y_true, y_pred)
        if self.weights is None:
            return loss
        weights = ops.convert_to_tensor(self.weights, loss.dtype)
        return loss * ops.sum(ops.cast(y_true, loss.dtype) * weights, -1)
