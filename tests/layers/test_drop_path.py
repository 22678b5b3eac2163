"""Stochastic depth: per sample, unbiased, for maps and for tokens."""

import keras
import numpy as np
import pytest

from keras_hybrid.layers import DropPath, drop_path_schedule


@pytest.mark.parametrize("shape", [(4000, 3, 2), (4000, 2, 2, 3)])
def test_drops_whole_samples_at_its_rate(shape):
    layer = DropPath(0.3, seed=0)
    out = keras.ops.convert_to_numpy(layer(np.ones(shape, "float32"), training=True))
    assert out.shape == shape
    per_sample = out.reshape(shape[0], -1)
    assert (per_sample == per_sample[:, :1]).all()
    np.testing.assert_allclose(np.unique(out), [0, 1 / 0.7], rtol=1e-6)
    dropped = (per_sample[:, 0] == 0).mean()
    assert abs(dropped - 0.3) < 4 * (0.3 * 0.7 / shape[0]) ** 0.5


def test_is_the_identity_at_inference():
    x = np.random.default_rng(0).normal(size=(5, 3, 2)).astype("float32")
    np.testing.assert_array_equal(DropPath(0.9)(x), x)


def test_draws_differ_from_call_to_call():
    layer = DropPath(0.5, seed=0)
    x = np.ones((64, 1), "float32")
    first, second = (
        keras.ops.convert_to_numpy(layer(x, training=True)) for _ in range(2)
    )
    assert (first != second).any()


def test_schedule():
    np.testing.assert_allclose(drop_path_schedule(0.2, 5), [0, 0.05, 0.1, 0.15, 0.2])
    assert drop_path_schedule(0.2, 1) == [0]


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_impossible_rates_are_refused(rate):
    with pytest.raises(ValueError, match="rate must lie in"):
        DropPath(rate)
