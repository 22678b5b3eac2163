import keras
import numpy as np
import pytest

from keras_hybrid.layers import PaddedMaxPool2D


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
