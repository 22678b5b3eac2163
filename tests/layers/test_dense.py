import keras
import numpy as np
import pytest

from keras_hybrid.layers import Dense
from tests.ops.both_forms import assert_equal, both_forms

TOLERANCE = {"float32": 1e-5, "mixed_bfloat16": 0.05}


@pytest.mark.parametrize("policy", TOLERANCE)
@pytest.mark.parametrize("shape", [(5, 4), (3, 7, 4), (2, 3, 5, 4)])
@pytest.mark.parametrize("options", [{}, {"use_bias": False, "activation": "tanh"}])
def test_hand_written_gradients(shape, policy, options, gradients):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")

    def make():
        return Dense(3, dtype=policy, **options)

    fast, plain = both_forms(make, "dense", gradients, x, policy)
    assert_equal(fast, plain, TOLERANCE[policy])


def test_it_is_kerass_dense():
    layer = Dense(3, name="a")
    layer.build((None, 4))
    assert isinstance(layer, keras.layers.Dense)
    assert keras.saving.get_registered_name(Dense) == "keras_hybrid>Dense"
    assert layer.get_config() == keras.layers.Dense(3, name="a").get_config()
