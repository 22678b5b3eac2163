"""Metrics against a second way to compute them; where a classifier is wrong."""

import keras
import numpy as np
import pytest

from keras_hybrid.data import Split
from keras_hybrid.train.confusion import (
    confident_mistakes,
    confused_pairs,
    confusion_matrix,
)
from keras_hybrid.train.evaluate import evaluate

pytestmark = pytest.mark.backend_independent


@pytest.fixture
def evaluated():
    """A network of 12 classes that is sometimes right, and 150 images."""
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(0)
    inputs = keras.Input((4, 4, 3))
    outputs = keras.layers.Dense(12)(keras.layers.Flatten()(inputs / 64.0))
    network = keras.Model(inputs, outputs)
    images = rng.integers(0, 256, (150, 4, 4, 3), dtype="uint8")
    likely = np.argsort(network.predict(images, verbose=0), -1)
    labels = likely[np.arange(150), rng.integers(4, 12, 150)]
    return network, Split(images, labels)


def test_metrics(evaluated):
    network, split = evaluated
    metrics, probabilities = evaluate(network, split, ordinal=True)
    one_hot = keras.utils.to_categorical(split.labels, 12)
    network.compile(
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy", keras.metrics.TopKCategoricalAccuracy(5, name="top5")],
    )
    expected = network.evaluate(split.images, one_hot, verbose=0, return_dict=True)
    assert metrics["test_loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert metrics["test_accuracy"] == pytest.approx(expected["accuracy"], abs=1e-6)
    assert metrics["test_top5_accuracy"] == pytest.approx(expected["top5"], abs=1e-6)
    off = [
        abs(p.argmax() - y) <= 1
        for p, y in zip(probabilities, split.labels, strict=True)
    ]
    assert metrics["test_within_one_accuracy"] == pytest.approx(np.mean(off), abs=1e-6)
    assert 0.05 < metrics["test_accuracy"] < metrics["test_top5_accuracy"] < 0.95
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-12)


def test_mistakes():
    labels = np.array([0, 0, 0, 1, 1, 2])
    probabilities = np.array(
        [
            [0.8, 0.1, 0.1],
            [0.3, 0.6, 0.1],
            [0.1, 0.7, 0.2],
            [0.2, 0.5, 0.3],
            [0.05, 0.05, 0.9],
            [0.4, 0.35, 0.25],
        ]
    )
    matrix = confusion_matrix(labels, probabilities.argmax(-1), 3)
    np.testing.assert_array_equal(matrix, [[1, 2, 0], [0, 1, 1], [1, 0, 0]])
    first, *others = confused_pairs(matrix, ("ant", "bee", "cow"), 10)
    assert first == {
        "true class": "ant",
        "taken for": "bee",
        "images": 2,
        "of that class": "66.7%",
    }
    assert [row["true class"] for row in others] == ["bee", "cow"]
    np.testing.assert_array_equal(
        confident_mistakes(probabilities, labels, 3), [4, 2, 1]
    )
