"""Predictions of a trained network for the test images, and their metrics."""

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.data import Evaluation, Split
from keras_hybrid.train.class_metrics import balanced_accuracy, macro_f1
from keras_hybrid.train.confusion import confusion_matrix

BATCH = 128


def scorer(model: keras.Model, tta: str) -> keras.Model:
    """What predicts the logits: the model, or its mean over views.

    Args:
        model: A model with its classifier.
        tta: `"none"`, or the views of `models.average_views`.
    """
    return models.logits(model if tta == "none" else models.average_views(model, tta))


def check_tta(model: keras.Model, tta: str) -> None:
    """Raises ValueError if `scorer` cannot do this; no model is made."""
    if tta != "none":
        models.check_views(model, tta)


def evaluate(
    network: keras.Model, split: Split, ordinal: bool = False
) -> tuple[dict[str, float], np.ndarray]:
    """Evaluates a network on a split.

    Args:
        network: `(B, H, W, 3)` pixels -> `(B, classes)` logits.
        split: Images and their classes.
        ordinal: Whether the classes have an order; predictions at most one class off
            are then counted, too.

    Returns:
        Cross-entropy `test_loss`, `test_accuracy`, `test_balanced_accuracy`,
        `test_macro_f1`, beyond ten classes `test_top5_accuracy`, and with `ordinal`
        `test_within_one_accuracy`; and the probabilities, float64 `(N, classes)`.
    """
    classes = network.output_shape[-1]
    images = Evaluation(split, classes, BATCH)
    logits = network.predict(images, verbose=0)[: len(split)].astype("float64")
    log_probabilities = log_softmax(logits)
    rows, labels = np.arange(len(split)), split.labels
    predictions = logits.argmax(-1)
    matrix = confusion_matrix(labels, predictions, classes)
    metrics = {
        "test_loss": -log_probabilities[rows, labels].mean(),
        "test_accuracy": (predictions == labels).mean(),
        "test_balanced_accuracy": balanced_accuracy(matrix),
        "test_macro_f1": macro_f1(matrix),
    }
    if classes > 10:
        better = (logits > logits[rows, labels][:, None]).sum(-1)
        metrics["test_top5_accuracy"] = (better < 5).mean()
    if ordinal:
        metrics["test_within_one_accuracy"] = (abs(predictions - labels) <= 1).mean()
    metrics = {name: round(float(value), 6) for name, value in metrics.items()}
    return metrics, np.exp(log_probabilities)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities, `(N, classes)`."""
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))
