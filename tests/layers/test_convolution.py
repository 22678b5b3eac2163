"""Symmetric padding, and the sizes that come of it."""

import keras
import numpy as np
import pytest

from keras_hybrid import layers
from keras_hybrid.ops.conv import _divisor
from tests.ops.both_forms import assert_equal, both_forms

TOLERANCE = {"float32": 1e-5, "mixed_bfloat16": 0.05}


def test_padding_is_symmetric_where_keras_is_not():
    """The stride-2 grid starts at the padded corner: "same" would start inside."""
    layer = layers.PaddedConv2D(1, 3, strides=2)
    x = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    layer.build(x.shape)
    centre = np.zeros((3, 3, 1, 1), "float32")
    centre[1, 1] = 1
    layer.set_weights([centre, np.zeros(1, "float32")])
    out = keras.ops.convert_to_numpy(layer(x))[0, ..., 0]
    np.testing.assert_array_equal(out, [[0, 2], [8, 10]])


def test_too_small_an_input_is_named():
    with pytest.raises(ValueError, match="takes 5 pixels or more"):
        layers.PaddedConv2D(4, 7, 4, padding=1).compute_output_shape((None, 4, 9, 3))


@pytest.mark.parametrize("policy", TOLERANCE)
@pytest.mark.parametrize(
    "batch, size, kernel, stride",
    [(6, (39, 40), 3, 2), (4, (8, 9), 1, 2), (3, (11, 7), 5, 3), (2, (40, 40), 3, 1)],
)
@pytest.mark.parametrize("padding", [0, None])
def test_hand_written_gradients(
    batch, size, kernel, stride, padding, policy, gradients
):
    """A chunk of the kernel's gradient holds all images, some of them, and one."""
    x = np.random.default_rng(0).normal(size=(batch, *size, 4)).astype("float32")

    def make():
        return layers.PaddedConv2D(5, kernel, stride, padding, dtype=policy)

    fast, plain = both_forms(make, "conv", gradients, x, policy)
    assert_equal(fast, plain, TOLERANCE[policy])


@pytest.mark.parametrize("most, expected", [(0, 1), (3, 3), (5, 4), (20, 12)])
def test_pieces_hold_as_many_images_as_they_may(most, expected):
    assert _divisor(12, most) == expected


def test_multiply_adds_need_a_fixed_size():
    layer = layers.PaddedConv2D(5, 3, strides=2)
    assert layer.macs((None, 8, 6, 4)) == (4 * 3 * 5) * (9 * 4)
    with pytest.raises(ValueError, match=r"\(None, 3, 5\) has dynamic lengths"):
        layer.macs((None, None, 6, 4))
