"""Symmetric padding, and the sizes that come of it."""

import keras
import numpy as np
import pytest

from keras_hybrid import layers


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
