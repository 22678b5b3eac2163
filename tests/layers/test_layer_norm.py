import keras
import numpy as np
import pytest

from keras_hybrid import ops
from keras_hybrid.layers import LayerNorm
from tests.ops.both_forms import assert_equal, both_forms

TOLERANCE = {"float32": 1e-5, "mixed_bfloat16": 0.05}


@pytest.mark.parametrize("policy", TOLERANCE)
@pytest.mark.parametrize("shape", [(5, 4), (3, 7, 4), (2, 3, 5, 4)])
def test_hand_written_gradients(shape, policy, gradients):
    x = 3 + np.random.default_rng(0).normal(size=shape).astype("float32")
    start = keras.initializers.RandomNormal(1.0, 0.5, seed=1)

    def make():
        return LayerNorm(
            epsilon=0.1,
            gamma_initializer=start.clone(),
            beta_initializer=start.clone(),
            dtype=policy,
        )

    fast, plain = both_forms(make, "layer_normalization", gradients, x, policy)
    assert_equal(fast, plain, TOLERANCE[policy])


@pytest.mark.parametrize(
    "options", [{"axis": [1, 2]}, {"center": False, "scale": False}]
)
def test_the_rest_is_kerass(options):
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    with ops.forms(layer_normalization="closed_gradient"):
        ours = LayerNorm(**options)(x)
    expected = keras.layers.LayerNormalization(**options)(x)
    np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (ours, expected)))
