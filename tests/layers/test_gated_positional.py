import math

import keras
import numpy as np
import pytest

from keras_hybrid import ops
from keras_hybrid.layers import GatedPositionalAttention

FORMS = ["plain", "separable"]

numpy = keras.ops.convert_to_numpy


def built(heads=9, width=36, grid=(5, 7), **arguments):
    layer = GatedPositionalAttention(heads, **arguments)
    layer.build(*[(None, *grid, width)] * 3)
    return layer


def place(layer, grid):
    return numpy(layer.position_weights(*grid))


def mean_distance(weights, grid):
    """How far a head looks on average, in tokens (equation 8 of the paper)."""
    y, x = np.divmod(np.arange(math.prod(grid)), grid[1])
    distance = np.hypot(y[:, None] - y, x[:, None] - x)
    return (weights * distance).sum((1, 2)) / len(x)


def network(dtype):
    """Dense maps, then attention: the gradients of the first are those of inputs."""
    x = keras.Input((5, 7, 18), dtype=dtype)
    linear = {"use_bias": False, "dtype": dtype}
    parts = [keras.layers.Dense(18, name=n, **linear)(x) for n in ("q", "k", "v")]
    layer = GatedPositionalAttention(9, dtype=dtype, name="attention")
    return keras.Model(x, layer(*parts))


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-6), ("float64", 1e-12)])
def test_forms_agree(dtype, tolerance, randomise, gradients, float64):
    rng = np.random.default_rng(0)
    x, cotangent = (rng.normal(size=(2, 5, 7, 18)).astype(dtype) for _ in "xc")
    model, outputs = randomise(network(dtype)), {}

    def loss(y):
        return keras.ops.mean(keras.ops.multiply(y, cotangent))

    for form in FORMS:
        with ops.forms(positional_attention=form):
            outputs[form] = numpy(model(x)), gradients(model, x, loss)
    out, gradient = outputs["plain"]
    assert out.dtype == dtype and abs(out).max() > 0.1
    np.testing.assert_allclose(outputs["separable"][0], out, 0, tolerance)
    for path, value in outputs["separable"][1].items():
        np.testing.assert_allclose(value, gradient[path], 0, tolerance, path)


def test_dense_is_the_published_formula(randomise):
    layer = randomise(built(heads=4, width=8, grid=(3, 4)))
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(1, 3, 4, 8)).astype("f4") for _ in "qkv")
    y, x = np.divmod(np.arange(12), 4)
    dx, dy = x[None] - x[:, None], y[None] - y[:, None]
    relative = np.stack([dx, dy, dx**2 + dy**2], -1)  # (N, N, 3), query first
    scores = relative @ numpy(layer.position_kernel) + numpy(layer.position_bias)

    def softmax(z):
        return np.exp(z) / np.exp(z).sum(-1, keepdims=True)

    q, k, v = (z.reshape(12, 4, 2).transpose(1, 0, 2) for z in (q, k, v))
    content = softmax(q @ k.transpose(0, 2, 1) * 2**-0.5)
    gate = 1 / (1 + np.exp(-numpy(layer.gate)))[:, None, None]
    expected = (1 - gate) * content + gate * softmax(scores.transpose(2, 0, 1))
    maps = [z.transpose(1, 0, 2).reshape(1, 3, 4, 8) for z in (q, k)]
    np.testing.assert_allclose(
        numpy(layer.attention_weights(*maps))[0], expected, 0, 1e-6
    )


def test_starts_as_a_convolution():
    x, y, d = numpy(built(heads=9, locality_strength=2.0).position_kernel)
    np.testing.assert_array_equal(x, np.repeat([-4, 0, 4], 3))
    np.testing.assert_array_equal(y, np.tile([-4, 0, 4], 3))
    np.testing.assert_array_equal(d, [-2] * 9)
    rows = numpy(built(heads=4, width=8).position_kernel).T
    expected = [(-1, -1, -1), (-1, 1, -1), (1, -1, -1), (1, 1, -1)]
    np.testing.assert_array_equal(rows, expected)


def test_heads_beyond_a_square_start_at_random():
    kernel = numpy(built(heads=6, width=36).position_kernel)
    assert abs(kernel[:, :4]).min() == 1 and 0 < abs(kernel[:, 4:]).max() < 0.2
    kernel = numpy(built(local_init=False).position_kernel)
    assert 0 < abs(kernel).max() < 0.2


@pytest.mark.parametrize(
    "heads, grid, strength, expected",
    [
        (4, (14, 14), 1, {0.9860}),
        (9, (14, 14), 1, {1.4846, 1.1657, 0.7594}),
        (16, (14, 14), 1, {2.0594, 1.6005, 0.9860}),
        (4, (8, 8), 1, {0.9374}),
    ],
)
def test_locality_at_the_start(heads, grid, strength, expected):
    layer = built(heads, 48 * heads, grid, locality_strength=strength)
    found = mean_distance(place(layer, grid), grid)
    assert {min(expected, key=lambda e: abs(e - f)) for f in found} == expected
    for distance in found:
        assert min(abs(distance - e) for e in expected) < 1e-4


@pytest.mark.parametrize(
    "strength, expected", [(0.01, 5.9014), (0.1, 2.6617), (1, 1.2623), (10, 1.0137)]
)
def test_locality_grows_with_its_strength(strength, expected):
    layer = built(grid=(14, 14), locality_strength=strength)
    found = mean_distance(place(layer, (14, 14)), (14, 14)).mean()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_strong_locality_is_a_shift():
    """A 3x3 convolution whose border repeats: head h1 + 3 h2 is one of its weights."""
    layer = built(locality_strength=100.0)
    image = np.random.default_rng(0).normal(size=(5, 7)).astype("f4")
    padded = np.pad(image, 1, mode="edge")
    shifted = (place(layer, (5, 7)) @ image.reshape(-1)).reshape(9, 5, 7)
    for h1 in range(3):
        for h2 in range(3):
            expected = padded[h1 : h1 + 5, h2 : h2 + 7]
            np.testing.assert_allclose(shifted[h1 + 3 * h2], expected, atol=1e-6)


def test_even_kernels_look_between_patches():
    layer = built(heads=4, width=8, locality_strength=100.0)
    weights = place(layer, (5, 7)).reshape(4, 5, 7, 5, 7)
    np.testing.assert_allclose(weights[3, 2, 2, 2:4, 2:4], 0.25, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_mixed_precision_keeps_positions_exact(form):
    exact = built(grid=(14, 14), locality_strength=3.3)
    mixed = built(grid=(14, 14), locality_strength=3.3, dtype="mixed_bfloat16")
    weights = mixed.position_weights(14, 14)
    assert keras.backend.standardize_dtype(weights.dtype) == "float32"
    np.testing.assert_array_equal(numpy(weights), place(exact, (14, 14)))
    x = np.random.default_rng(0).normal(size=(1, 14, 14, 36)).astype("f4")
    with ops.forms(positional_attention=form):
        out = mixed(x, x, x)
    assert keras.backend.standardize_dtype(out.dtype) == "bfloat16"
    out = numpy(keras.ops.cast(out, "float32"))
    # Processors round inside bfloat16 products differently: one more unit of it is theirs.
    np.testing.assert_allclose(out, numpy(exact(x, x, x)), atol=0.03, rtol=2**-7)


def test_dropout_acts_on_the_whole_map():
    layer = built(dropout_rate=0.5)
    x = np.random.default_rng(0).normal(size=(2, 5, 7, 36)).astype("f4")
    plain = numpy(built()(x, x, x))
    np.testing.assert_allclose(numpy(layer(x, x, x)), plain, atol=1e-6)
    assert abs(numpy(layer(x, x, x, training=True)) - plain).max() > 0.1


def test_gate():
    layer = built(gate_init=0.0, train_gate=False)
    np.testing.assert_array_equal(numpy(layer.gate), np.zeros(9))
    names = {weight.name for weight in layer.trainable_weights}
    assert names == {"position_kernel", "position_bias"}
    np.testing.assert_array_equal(numpy(built().gate), np.ones(9))


def test_config_round_trip():
    arguments = {
        "heads": 4,
        "locality_strength": 0.5,
        "local_init": False,
        "gate_init": 2.0,
        "train_gate": False,
        "dropout_rate": 0.1,
    }
    config = GatedPositionalAttention(**arguments).get_config()
    assert {key: config[key] for key in arguments} == arguments
    assert GatedPositionalAttention.from_config(config).get_config() == config
