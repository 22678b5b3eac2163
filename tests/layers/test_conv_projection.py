"""The three ways to project, against their definitions."""

import keras
import numpy as np
import pytest

from keras_hybrid.layers import ConvProjection, DotProductAttention

torch = pytest.importorskip("torch")


def tokens(x, class_token):
    return np.concatenate([class_token, x.reshape(x.shape[0], -1, x.shape[-1])], 1)


@pytest.mark.parametrize("size", [(8, 6), (7, 9)])
@pytest.mark.parametrize("stride", [1, 2])
def test_average_pooling_is_torchs(size, stride):
    x = np.random.default_rng(0).normal(size=(2, *size, 4)).astype("float32")
    layer = ConvProjection(4, strides=stride, method="avg")
    layer.build(x.shape)
    layer.linear.set_weights([np.eye(4, dtype="float32"), np.zeros(4, "float32")])
    pool = torch.nn.AvgPool2d(3, stride, padding=1, ceil_mode=True)
    expected = pool(torch.tensor(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    out = keras.ops.convert_to_numpy(layer(x))
    assert out.shape == layer.compute_output_shape(x.shape)
    np.testing.assert_allclose(out, expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("stride", [1, 2])
def test_class_token_passes_the_convolution_by(stride, randomise):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 6, 4)).astype("float32")
    token = rng.normal(size=(2, 1, 4)).astype("float32")
    layer = ConvProjection(3, strides=stride)
    layer.build(x.shape)
    randomise(layer)
    out = keras.ops.convert_to_numpy(layer(tokens(x, token), grid=x))
    patches = keras.ops.convert_to_numpy(layer(x))
    assert out.shape == layer.compute_output_shape((2, 31, 4), x.shape)
    np.testing.assert_allclose(out[:, 1:], patches.reshape(2, -1, 3), atol=1e-6)
    linear = keras.ops.convert_to_numpy(layer.linear(token))
    np.testing.assert_allclose(out[:, :1], linear, atol=1e-6)


def test_attention_core_is_the_definition():
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(2, n, 12)).astype("f4") for n in (6, 4, 4))
    bias = rng.normal(size=(1, 3, 6, 4)).astype("f4")
    layer = DotProductAttention(3, scale=0.7)
    out = keras.ops.convert_to_numpy(layer(q, k, v, bias=bias))

    heads = [x.reshape(2, -1, 3, 4).transpose(0, 2, 1, 3) for x in (q, k, v)]
    scores = heads[0] @ heads[1].transpose(0, 1, 3, 2) * 0.7 + bias
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    expected = (weights @ heads[2]).transpose(0, 2, 1, 3).reshape(2, 6, 12)
    np.testing.assert_allclose(out, expected, atol=1e-5)
    found = keras.ops.convert_to_numpy(layer.attention_weights(q, k, bias=bias))
    np.testing.assert_allclose(found, weights, atol=1e-5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"method": "dw_bn"}, "method must be one of"),
        ({"method": "linear", "strides": 2}, "has no stride"),
    ],
)
def test_bad_settings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConvProjection(8, **arguments)
