"""Predictions of a trained network for the test images, and their metrics."""

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.data import Evaluation, Split
from keras_hybrid.train.class_metrics import balanced_accuracy, macro_f1
from keras_hybrid.train.confusion import confusion_matrix

BATCH = 128


def averaged(model: keras.Model, tta: str) -> keras.Model:
    """What predicts: the model, or its mean over views.

    Args:
        model: A model with its classifier.
        tta: `"none"`, or the views of `models.average_views`.
    """
    return model if tta == "none" else models.average_views(model, tta)


def scorer(model: keras.Model, tta: str) -> keras.Model:
    """What predicts the logits, see `averaged`."""
    return models.logits(averaged(model, tta))


def check_tta(model: keras.Model, tta: str) -> None:
    """Raises ValueError if `averaged` cannot do this; no model is made."""
    if tta != "none":
        models.check_views(model, tta)


def predict_split(network: keras.Model, split: Split) -> np.ndarray:
    """What a network puts out for the images of a split, float64 `(N, outputs)`."""
    images = Evaluation(split, network.output_shape[-1], BATCH)
    return network.predict(images, verbose=0)[: len(split)].astype("float64")


def predict_features(network: keras.Model, split: Split) -> np.ndarray:
    """What the classifier of a network sees of each image, float32 `(N, features)`."""
    head = models.classifier(network)
    images = Evaluation(split, head.units, BATCH)
    backbone = keras.Model(network.input, head.input)
    return backbone.predict(images, verbose=0)[: len(split)].astype("float32")


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
        The metrics of `classification_metrics` under names that begin with `test_`;
        and the probabilities, float64 `(N, classes)`.
    """
    log_probabilities = log_softmax(predict_split(network, split))
    metrics = classification_metrics(log_probabilities, split.labels, ordinal)
    return {f"test_{x}": y for x, y in metrics.items()}, np.exp(log_probabilities)


def classification_metrics(
    log_probabilities: np.ndarray, labels: np.ndarray, ordinal: bool = False
) -> dict[str, float]:
    """Metrics of predictions, rounded to six decimals.

    Args:
        log_probabilities: Logarithms of the predicted probabilities, `(N, classes)`.
        labels: Class numbers `(N,)`.
        ordinal: As for `evaluate`.

    Returns:
        Cross-entropy `loss`, `accuracy`, `balanced_accuracy`, `macro_f1`, with more
        than five classes `top5_accuracy`, and with `ordinal` `within_one_accuracy`.
    """
    classes = log_probabilities.shape[-1]
    predictions = log_probabilities.argmax(-1)
    matrix = confusion_matrix(labels, predictions, classes)
    of_label = log_probabilities[np.arange(len(labels)), labels]
    metrics = {
        "loss": -of_label.mean(),
        "accuracy": (predictions == labels).mean(),
        "balanced_accuracy": balanced_accuracy(matrix),
        "macro_f1": macro_f1(matrix),
    }
    if classes > 5:
        better = (log_probabilities > of_label[:, None]).sum(-1)
        metrics["top5_accuracy"] = (better < 5).mean()
    if ordinal:
        metrics["within_one_accuracy"] = (abs(predictions - labels) <= 1).mean()
    return {name: round(float(value), 6) for name, value in metrics.items()}


def log_of(probabilities: np.ndarray) -> np.ndarray:
    """Logarithms of probabilities, `(N, classes)`, finite for 0."""
    tiny = np.finfo("float32").tiny
    return np.log(np.maximum(probabilities, tiny).astype("float64"))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities, `(N, classes)`."""
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """The probability of each class of several, `(N, classes)`."""
    return 1 / (1 + np.exp(-logits))
