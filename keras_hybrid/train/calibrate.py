"""Temperature scaling, so that confidence matches accuracy.

Guo et al. 2017, arXiv:1706.04599. The classifier is linear, so its weights are divided
by the temperature, and the architecture does not change.
"""

import keras
import numpy as np

from keras_hybrid.data import Split
from keras_hybrid.models.assembly import HEAD
from keras_hybrid.train.evaluate import log_softmax, predict_split

TEMPERATURES = np.geomspace(0.1, 10, 401)


def best_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature in [0.1, 10] with the lowest cross-entropy.

    Args:
        logits: `(N, classes)`.
        labels: Class numbers `(N,)`.
    """
    rows = np.arange(len(labels))
    losses = [-log_softmax(logits / t)[rows, labels].mean() for t in TEMPERATURES]
    return float(TEMPERATURES[np.argmin(losses)])


def calibrate(network: keras.Model, scorer: keras.Model, split: Split) -> float:
    """Divides the logits of a network by the best temperature, and returns it.

    If no image is misclassified, or the best temperature is the end of the range, the
    images do not determine it. Then the logits stay as they are, and a line says so.

    Args:
        network: The network, whose classifier is changed in place.
        scorer: The model that predicts, `(B, H, W, 3)` pixels -> logits: the network,
            or its mean over views.
        split: Images that it was not trained on.
    """
    logits = predict_split(scorer, split)
    temperature = best_temperature(logits, split.labels)
    wrong = (logits.argmax(-1) != split.labels).sum()
    if not wrong or temperature in (TEMPERATURES[0], TEMPERATURES[-1]):
        print(
            f"Not calibrated: {len(split)} validation images, {wrong} of them wrong, "
            "do not determine the temperature."
        )
        return 1.0
    scale_logits(network, 1 / temperature)
    return temperature


def scale_logits(network: keras.Model, factor: float) -> None:
    """Multiplies the logits of a network by a factor, in its classifier."""
    for variable in network.get_layer(HEAD).trainable_variables:
        variable.assign(variable * factor)
