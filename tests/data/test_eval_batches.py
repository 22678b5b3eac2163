"""Batches of one size give the means over the split."""

import keras
import numpy as np
import pytest

from keras_hybrid.data import Evaluation, Split


@pytest.fixture
def split():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (37, 2, 2, 3)).astype("uint8")
    return Split(images, rng.integers(0, 3, 37))


@pytest.mark.parametrize(
    ("most", "multiple", "size", "steps"),
    [(128, 1, 37, 1), (16, 1, 13, 3), (16, 4, 16, 3), (4, 8, 8, 5), (128, 64, 64, 1)],
)
def test_every_image_once(split, most, multiple, size, steps):
    batches = Evaluation(split, 3, most, multiple)
    assert batches.batch_size == size and batches.num_batches == steps
    images, labels, weights = map(
        np.concatenate, zip(*(batches[i] for i in range(steps)), strict=True)
    )
    assert len(images) == size * steps
    there = weights > 0
    np.testing.assert_array_equal(images[there], split.images)
    np.testing.assert_array_equal(labels[there].argmax(-1), split.labels)
    np.testing.assert_allclose(weights[there], size * steps / 37, rtol=1e-6)
    assert not weights[37:].any()


def test_loss_and_metrics_are_means_over_the_split(split):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss, weighted_metrics=["accuracy"])
    found = model.evaluate(Evaluation(split, 3, 16, 4), verbose=0)
    labels = np.eye(3, dtype="float32")[split.labels]
    expected = model.evaluate(split.images, labels, batch_size=37, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert 0 < expected[1] < 1
