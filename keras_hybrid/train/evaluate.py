"""Predictions of a trained network for the test images, and their metrics."""

import keras
import numpy as np

from keras_hybrid.data import Evaluation, Split

BATCH = 128


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
        Cross-entropy `test_loss`, `test_accuracy`, beyond ten classes
        `test_top5_accuracy`, and with `ordinal` `test_within_one_accuracy`; and the
        probabilities, float64 `(N, classes)`.
    """
    classes = network.output_shape[-1]
    images = Evaluation(split, classes, BATCH)
    logits = network.predict(images, verbose=0)[: len(split)].astype("float64")
    logits -= logits.max(-1, keepdims=True)
    log_probabilities = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    rows, labels = np.arange(len(split)), split.labels
    predictions = logits.argmax(-1)
    metrics = {
        "test_loss": -log_probabilities[rows, labels].mean(),
        "test_accuracy": (predictions == labels).mean(),
    }
    if classes > 10:
        better = (logits > logits[rows, labels][:, None]).sum(-1)
        metrics["test_top5_accuracy"] = (better < 5).mean()
    if ordinal:
        metrics["test_within_one_accuracy"] = (abs(predictions - labels) <= 1).mean()
    metrics = {name: round(float(value), 6) for name, value in metrics.items()}
    return metrics, np.exp(log_probabilities)
