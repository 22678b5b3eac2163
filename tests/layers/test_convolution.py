"""Padding, the two forms of the depthwise convolution, and when each is used."""

import keras
import numpy as np
import pytest

from keras_hybrid import layers, models


def numpy_depthwise(x, kernel, bias, stride, padding):
    """The definition, in float64."""
    size = kernel.shape[0]
    sides = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    x = np.pad(x.astype("float64"), sides)
    rows = range(0, x.shape[1] - size + 1, stride)
    columns = range(0, x.shape[2] - size + 1, stride)
    windows = [[x[:, i : i + size, j : j + size] for j in columns] for i in rows]
    windows = np.stack([np.stack(row, 1) for row in windows], 1)
    return np.einsum("bhwijc,ijc->bhwc", windows, kernel[..., 0]) + bias


@pytest.mark.parametrize("form", ["native", "shifted"])
@pytest.mark.parametrize("size, stride, padding", [(3, 1, 1), (3, 2, 1), (5, 2, 2)])
def test_depthwise_is_the_definition(form, size, stride, padding):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 9, 12, 5)).astype("float32")
    layer = layers.PaddedDepthwiseConv2D(size, stride, padding, form=form)
    out = keras.ops.convert_to_numpy(layer(x))
    kernel, bias = map(keras.ops.convert_to_numpy, (layer.kernel, layer.bias))
    expected = numpy_depthwise(x, kernel, bias, stride, padding)
    assert out.shape == layer.compute_output_shape(x.shape) == expected.shape
    np.testing.assert_allclose(out, expected, atol=1e-5)


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


def test_auto_form_per_backend():
    model = models.ATC(widths=(8, 8, 8), heads=(1, 1, 1))
    unit = model.get_layer("stage1_block1_mlp_unit1").conv
    assert unit.form == "auto"
    with layers.depthwise_form(model, "shifted"):
        assert unit.form == "shifted"
        assert model.get_layer("stage3_block1_attention_key").conv.form == "shifted"
    assert unit.form == "auto"
    text = str(unit.get_config())
    assert "'form': 'auto'" in text


def test_too_small_an_input_is_named():
    with pytest.raises(ValueError, match="takes 5 pixels or more"):
        layers.PaddedConv2D(4, 7, 4, padding=1).compute_output_shape((None, 4, 9, 3))


def test_unknown_form_is_refused():
    with pytest.raises(ValueError, match="form must be one of"):
        layers.PaddedDepthwiseConv2D(3, form="fast")
