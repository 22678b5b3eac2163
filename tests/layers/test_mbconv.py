"""MBConv, its gate and the padded pooling against plain formulas."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_hybrid.layers import (
    LayerScale,
    MBConv,
    PaddedConv2D,
    PaddedDepthwiseConv2D,
    PaddedMaxPool2D,
    SqueezeExcite,
)


def numpy(x):
    return ops.convert_to_numpy(x)


def built(layer, shape, seed=0):
    layer.build(shape)
    rng = np.random.default_rng(seed)
    for variable in layer.weights:
        positive = variable.path.endswith("variance")
        value = rng.uniform(0.5, 1.5, variable.shape)
        variable.assign(value if positive else rng.normal(0, 0.5, variable.shape))
    return layer, rng.normal(size=(2, *shape[1:])).astype("float32")


def silu(x):
    return x / (1 + np.exp(-x))


def norm(layer, x):
    mean, variance = numpy(layer.moving_mean), numpy(layer.moving_variance)
    x = (x - mean) / np.sqrt(variance + 1e-5)
    return x * numpy(layer.gamma) + numpy(layer.beta)


def gate(layer, x):
    """The gate with ReLU inside."""
    y = x.mean((1, 2)) @ numpy(layer.reduce.kernel) + numpy(layer.reduce.bias)
    y = np.maximum(y, 0) @ numpy(layer.expand.kernel) + numpy(layer.expand.bias)
    return x / (1 + np.exp(-y[:, None, None]))


def depthwise(kernel, x, stride):
    _, height, width, _ = x.shape
    x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return sum(
        x[:, i : i + height : stride, j : j + width : stride] * kernel[i, j, :, 0]
        for i in range(3)
        for j in range(3)
    )


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("norm_activation", [False, True])
@pytest.mark.parametrize("stride_by", ["conv", "pool"])
def test_formula(early, norm_activation, stride_by):
    layer = MBConv(
        6,
        8,
        3,
        strides=2,
        activation="silu",
        norm_activation=norm_activation,
        squeeze_early=early,
        squeeze_activation="relu",
        stride_by=stride_by,
        use_bias=early,
    )
    layer, x = built(layer, (None, 6, 4, 5))
    y = norm(layer.norm, x)
    y = silu(y) if norm_activation else y
    if stride_by == "pool":
        y = y.reshape(2, 3, 2, 2, 2, 5).mean((2, 4))
    y = silu(norm(layer.expand_norm, y @ numpy(layer.expand.kernel)))
    y = depthwise(numpy(layer.conv.kernel), y, 2 if stride_by == "conv" else 1)
    y = gate(layer.squeeze_excite, y) if early else y
    y = silu(norm(layer.conv_norm, y))
    y = y if early else gate(layer.squeeze_excite, y)
    y = y @ numpy(layer.project.kernel)
    y = y + numpy(layer.project.bias) if early else y
    np.testing.assert_allclose(numpy(layer(x)), y, atol=2e-5, rtol=1e-4)
    assert layer.compute_output_shape(x.shape) == y.shape == (2, 3, 2, 6)
    inside = 6 if stride_by == "pool" else 24
    assert layer.macs(x.shape) == inside * 5 * 8 + 6 * 8 * (9 + 6) + 2 * 8 * 3
    config = {k: v for k, v in layer.get_config().items() if k not in ("name", "dtype")}
    clone = MBConv(**config)
    clone.build(x.shape)
    clone.set_weights(layer.get_weights())
    np.testing.assert_array_equal(numpy(clone(x)), numpy(layer(x)))


def test_training_normalises_by_the_batch():
    layer, x = built(MBConv(6, 8, 3), (None, 4, 4, 5))
    before = numpy(layer.conv_norm.moving_mean).copy()
    assert not np.allclose(numpy(layer(x, training=True)), numpy(layer(x)))
    assert not np.array_equal(numpy(layer.conv_norm.moving_mean), before)


def test_epsilon_shows_on_small_inputs():
    layer = MBConv(6, 8, 3)
    assert {n.epsilon for n in (layer.norm, layer.expand_norm, layer.conv_norm)} == {
        1e-5
    }
    layer.build((None, 4, 4, 5))
    layer.norm.moving_variance.assign(np.full(5, 1e-6))
    x = np.random.default_rng(0).normal(0, 1e-3, (2, 4, 4, 5)).astype("float32")
    out = numpy(layer.norm(x))
    np.testing.assert_allclose(out, x / np.sqrt(1.1e-5), atol=1e-5)


def test_squeeze_excite_activation():
    layer, x = built(SqueezeExcite(5, 3), (None, 4, 4, 5))
    reduced = numpy(layer.reduce(x.mean((1, 2))))
    linear = x.mean((1, 2)) @ numpy(layer.reduce.kernel) + numpy(layer.reduce.bias)
    np.testing.assert_allclose(reduced, silu(linear), atol=1e-5)


@pytest.mark.parametrize("mode", ["zeros", "circular"])
def test_max_pool(mode):
    x = -1 - np.random.default_rng(0).uniform(size=(2, 6, 8, 3)).astype("float32")
    fill = {"constant_values": -np.inf} if mode == "zeros" else {}
    kind = "constant" if mode == "zeros" else "wrap"
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), kind, **fill)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    expected = windows[:, ::2, ::2].max((-2, -1))
    layer = PaddedMaxPool2D(padding_mode=mode)
    np.testing.assert_array_equal(numpy(layer(x)), expected)
    assert layer.compute_output_shape(x.shape) == expected.shape
    with pytest.raises(ValueError, match="padding_mode must be"):
        PaddedMaxPool2D(padding_mode="same")


@pytest.mark.parametrize("stride", [1, 2])
def test_circular_padding_commutes_with_shifts(stride):
    shape = (None, 6, 8, 3)
    layers = (
        PaddedConv2D(4, 3, stride, padding_mode="circular"),
        PaddedDepthwiseConv2D(3, stride, padding_mode="circular"),
    )
    for layer in layers:
        layer, x = built(layer, shape)
        moved = numpy(layer(np.roll(x, (2, -2), (1, 2))))
        steps = 2 // stride
        rolled = np.roll(numpy(layer(x)), (steps, -steps), (1, 2))
        np.testing.assert_allclose(moved, rolled, atol=1e-5)
        clone = type(layer).from_config(layer.get_config())
        assert clone.padding_mode == "circular"
    with pytest.raises(ValueError, match="padding_mode must be"):
        PaddedConv2D(4, 3, padding_mode="same")


def test_kernel_initializer_survives_the_config():
    layer = PaddedConv2D(4, 3, kernel_initializer=keras.initializers.Constant(2.0))
    clone = PaddedConv2D.from_config(layer.get_config())
    clone.build((None, 4, 4, 3))
    assert (numpy(clone.kernel) == 2).all()


def test_layer_scale():
    layer = LayerScale(0.5)
    x = np.ones((2, 3, 4), "float32")
    np.testing.assert_array_equal(numpy(layer(x)), x / 2)
    assert layer.gamma.shape == (4,)
    assert LayerScale.from_config(layer.get_config()).init_values == 0.5
