import keras
import numpy as np
import pytest

from keras_hybrid import ops
from keras_hybrid.layers import BatchNorm
from tests.ops.both_forms import assert_equal, both_forms

TOLERANCE = {"float32": 1e-5, "mixed_bfloat16": 0.05}


def draws(shape, mean=3.0):
    return np.random.default_rng(0).normal(mean, size=shape).astype("float32")


def some():
    """An initializer of gamma and beta, none of them 0 or 1."""
    return keras.initializers.RandomNormal(1.0, 0.5, seed=1)


@pytest.mark.parametrize("policy", TOLERANCE)
@pytest.mark.parametrize("shape", [(9, 4), (3, 7, 4), (2, 3, 5, 4)])
def test_hand_written_gradients(shape, policy, gradients):
    def make():
        return BatchNorm(
            epsilon=0.1,
            gamma_initializer=some(),
            beta_initializer=some(),
            dtype=policy,
        )

    x = draws(shape)
    fast, plain = both_forms(make, "batch_normalization", gradients, x, policy)
    assert_equal(fast, plain, TOLERANCE[policy])


class Shift(keras.Layer):
    """The input plus a weight as large as one image."""

    def build(self, input_shape):
        self.shift = self.add_weight(shape=input_shape[1:], initializer="zeros")

    def call(self, x):
        return x + self.shift


def test_gradients_where_the_mean_is_large(gradients):
    """A hundred times the deviation, over many positions: against float64 no worse."""
    x, mark = draws((1, 300, 300, 4), mean=100), draws((300, 300, 4), 0.5)[::-1]
    norm = BatchNorm(epsilon=0, gamma_initializer=some())
    model = keras.Sequential([keras.Input(x.shape[1:]), Shift(), norm])

    def loss(y):
        return keras.ops.sum(y * keras.ops.convert_to_tensor(mark))

    def found(form):
        with ops.forms(batch_normalization=form):
            return gradients(model, x, loss, training=True).values()

    u, z = mark.astype("float64"), x[0].astype("float64")
    z = z - z.mean((0, 1))
    deviation, n = z.std((0, 1)), z[..., 0].size
    y = z / deviation
    to_gamma, to_beta = (u * y).sum((0, 1)), u.sum((0, 1))
    scale = keras.ops.convert_to_numpy(norm.gamma) / deviation
    exact = (scale * (u - to_beta / n - y * to_gamma / n), to_gamma, to_beta)
    fast, plain = found("closed_gradient"), found("plain")
    for ours, derived, expected in zip(fast, plain, exact, strict=True):
        error, allowed = (np.abs(x - expected).max() for x in (ours, derived))
        assert error <= 2 * allowed < 0.5 * np.abs(expected).max()


@pytest.mark.parametrize(
    "options, training",
    [
        ({}, True),
        ({"momentum": 0.8}, True),
        ({}, False),
        ({"trainable": False}, True),
        ({"axis": 1}, True),
        ({"center": False, "scale": False}, True),
    ],
)
def test_values_and_moving_averages_are_kerass(options, training):
    x, found = draws((2, 5, 4, 3)), []
    for kind in (BatchNorm, keras.layers.BatchNormalization):
        layer = kind(**options)
        with ops.forms(batch_normalization="closed_gradient"):
            values = [layer(x, training=training), *layer.weights]
        found.append([keras.ops.convert_to_numpy(value) for value in values])
    for ours, expected in zip(*found, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)
