"""The two forms of the depthwise convolution."""

import keras
import numpy as np
import pytest

from keras_hybrid import layers, ops


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


@pytest.mark.parametrize("form", ["plain", "shifted"])
@pytest.mark.parametrize("size, stride, padding", [(3, 1, 1), (3, 2, 1), (5, 2, 2)])
def test_depthwise_is_the_definition(form, size, stride, padding):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 9, 12, 5)).astype("float32")
    layer = layers.PaddedDepthwiseConv2D(size, stride, padding)
    with ops.forms(depthwise_conv=form):
        out = keras.ops.convert_to_numpy(layer(x))
    kernel, bias = map(keras.ops.convert_to_numpy, (layer.kernel, layer.bias))
    expected = numpy_depthwise(x, kernel, bias, stride, padding)
    assert out.shape == layer.compute_output_shape(x.shape) == expected.shape
    np.testing.assert_allclose(out, expected, atol=1e-5)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("size, stride, padding", [(3, 1, 1), (3, 2, 1), (5, 2, 0)])
def test_forms_have_the_same_gradients(size, stride, padding, policy, gradients):
    """Those of the kernel, the bias, and of what lies before (the dense layer's)."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3, 9, 12, 4)).astype("float32")
    inputs = keras.Input(x.shape[1:])
    before = keras.layers.Dense(5, dtype=policy)
    layer = layers.PaddedDepthwiseConv2D(size, stride, padding, dtype=policy)
    model = keras.Model(inputs, layer(before(inputs)))
    mark = rng.normal(size=model.compute_output_shape(x.shape)).astype("float32")

    def loss(y):
        marked = keras.ops.multiply(keras.ops.sin(keras.ops.cast(y, "float32")), mark)
        return keras.ops.sum(marked)

    found = {}
    for form in ("plain", "shifted"):
        with ops.forms(depthwise_conv=form):
            found[form] = gradients(model, x, loss, training=True)
    assert len(found["plain"]) == 4
    for path, plain in found["plain"].items():
        assert np.abs(plain).max() > 0.1
        away = np.linalg.norm(found["shifted"][path] - plain) / np.linalg.norm(plain)
        # bfloat16 loses most in the bias before, whose terms cancel
        assert away < {"float32": 1e-5, "mixed_bfloat16": 0.1}[policy], path
