import keras
import numpy as np
import pytest

from keras_hybrid.layers import LayerNorm, layer_norm
from tests.layers.own_gradients import assert_equal, both_forms

TOLERANCE = {"float32": 1e-5, "mixed_bfloat16": 0.05}


@pytest.mark.parametrize("policy", TOLERANCE)
@pytest.mark.parametrize("shape", [(5, 4), (3, 7, 4), (2, 3, 5, 4)])
def test_own_gradients(shape, policy, gradients, monkeypatch):
    x = 3 + np.random.default_rng(0).normal(size=shape).astype("float32")
    start = keras.initializers.RandomNormal(1.0, 0.5, seed=1)

    def make():
        return LayerNorm(
            epsilon=0.1,
            gamma_initializer=start.clone(),
            beta_initializer=start.clone(),
            dtype=policy,
        )

    own, derived = both_forms(make, layer_norm, gradients, monkeypatch, x, policy)
    assert_equal(own, derived, TOLERANCE[policy])


@pytest.mark.parametrize(
    "options", [{"axis": [1, 2]}, {"center": False, "scale": False}]
)
def test_the_rest_is_kerass(options, monkeypatch):
    monkeypatch.setattr(layer_norm, "jax_on_cpu", lambda: True)
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    own = LayerNorm(**options)(x)
    expected = keras.layers.LayerNormalization(**options)(x)
    np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (own, expected)))
