import keras
import numpy as np
import pytest

from keras_hybrid import ops
from keras_hybrid.layers import PaddedMaxPool2D
from tests.ops.both_forms import assert_equal, both_forms


@pytest.mark.parametrize("pool, stride", [(3, 2), (5, 2), (3, 1), (5, 3)])
@pytest.mark.parametrize("size", [(8, 8), (7, 10), (5, 5)])
def test_what_lies_beyond_the_border_never_wins(pool, stride, size):
    x = np.random.default_rng(0).normal(size=(2, *size, 3)).astype("f4") - 9  # all < 0
    reach = pool // 2
    padded = np.pad(
        x, ((0, 0), (reach,) * 2, (reach,) * 2, (0, 0)), constant_values=-np.inf
    )
    windows = np.lib.stride_tricks.sliding_window_view(padded, (pool, pool), (1, 2))
    expected = windows[:, ::stride, ::stride].max((-1, -2))
    layer = PaddedMaxPool2D(pool, stride)
    assert layer.compute_output_shape(x.shape) == expected.shape
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(x)), expected)


@pytest.mark.parametrize("pool, stride", [(3, 2), (5, 2), (3, 1), (2, 3)])
def test_hand_written_gradients(pool, stride, gradients):
    x = np.random.default_rng(0).normal(size=(2, 9, 12, 4)).astype("float32")

    def make():
        return PaddedMaxPool2D(pool, stride)

    fast, plain = both_forms(make, "max_pool", gradients, x)
    assert_equal(fast, plain, 1e-5)


def test_of_equal_pixels_the_first_is_the_winner(gradients):
    model = keras.Sequential([keras.Input((3, 3, 1)), keras.layers.Conv2D(1, 1)])
    model.layers[0].set_weights([np.zeros((1, 1, 1, 1)), np.zeros(1)])  # all are 0
    x = np.arange(1, 10, dtype="float32").reshape(1, 3, 3, 1)

    def loss(y):
        with ops.forms(max_pool="first_maximum"):
            return keras.ops.sum(ops.max_pool(y, 3, 1))

    kernel, bias = gradients(model, x, loss).values()
    assert bias == 1
    assert kernel == 1  # the first pixel's x
