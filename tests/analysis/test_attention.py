"""Attention maps are those that the layers apply; rollout; models without maps."""

import math

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.analysis import attention_maps, class_attention, rollout
from keras_hybrid.analysis.attention_map import AttentionMap
from keras_hybrid.analysis.attention_probe import attention_layers
from keras_hybrid.layers import RelativeAttention
from tests.analysis.conftest import GRID, slow_on_jax
from tests.small import ATTENTIVE, FAMILIES, small


def test_maps_of_convit_equal_numpy(convit):
    model, numpy_model, images = convit
    for number, image in enumerate(images.astype("float64")):
        expected, _ = numpy_model.run(image, GRID)
        for found, wanted in zip(attention_maps(model, images), expected, strict=True):
            np.testing.assert_allclose(found.weights[number], wanted, atol=2e-4)
    assert wanted.max() > 0.5  # these maps are far from uniform


@slow_on_jax
@pytest.mark.parametrize("family", ATTENTIVE)
def test_maps_are_what_every_layer_applies(family, randomise):
    """Weights times values, through the output projection, give the layer's output."""
    model = randomise(small(FAMILIES[family]))
    layers = attention_layers(model)
    inputs = [keras.tree.flatten(layer.input)[-1] for layer in layers]
    read = keras.Model(model.input, [*inputs, *(layer.output for layer in layers)])
    shape = (2, *model.input_shape[1:])
    images = np.random.default_rng(0).uniform(0, 255, shape).astype("float32")
    values = read.predict_on_batch(images)
    maps = attention_maps(model, images)
    assert [m.layer for m in maps] == [layer.name for layer in layers]
    for m, layer, v, output in zip(
        maps, layers, values[: len(maps)], values[len(maps) :], strict=True
    ):
        if isinstance(layer, RelativeAttention):
            v = np.split(keras.ops.convert_to_numpy(layer.qkv(v)), 3, axis=-1)[2]
        heads = m.weights.shape[1]
        v = v.reshape(2, m.weights.shape[-1], heads, -1)
        y = np.einsum("bhnm,bmhc->bnhc", m.weights.astype("float64"), v)
        y = y.reshape(2, y.shape[1], -1)
        if isinstance(layer, RelativeAttention):
            y = keras.ops.convert_to_numpy(layer.project(y.astype("float32")))
        np.testing.assert_allclose(y.reshape(output.shape), output, atol=2e-5)
        np.testing.assert_allclose(m.weights.sum(axis=-1), 1, atol=1e-5)
        patches = math.prod(m.query_grid) if m.query_grid else 1 - m.class_token
        if m.key_grid:
            tokens = (patches + m.class_token, math.prod(m.key_grid) + m.class_token)
            assert m.weights.shape[2:] == tokens


def test_rows_of_a_map():
    rng = np.random.default_rng(0)
    weights = rng.uniform(size=(1, 2, 7, 7))
    weights /= weights.sum(axis=-1, keepdims=True)
    m = AttentionMap("a", weights, (2, 3), (2, 3), True)
    np.testing.assert_array_equal(
        m.class_token_map()[0, 1].ravel(), weights[0, 1, 0, 1:]
    )
    row = weights[0, 1, 1 + 1 * 3 + 2, 1:]
    np.testing.assert_array_equal(m.query_map(1, 2)[0, 1].ravel(), row)
    patches = m.patch_weights()[0, 1, 5]
    np.testing.assert_allclose(patches, row / row.sum())
    with pytest.raises(ValueError, match="2x3 positions"):
        m.query_map(2, 0)
    with pytest.raises(ValueError, match="no class token"):
        AttentionMap("a", weights, (1, 7), (1, 7), False).class_token_map()
    with pytest.raises(ValueError, match="no patch attends"):
        AttentionMap("a", weights[:, :, :1], None, (2, 3), True).patch_weights()


def test_rollout_of_convit(convit):
    """By hand: in GPSA layers the class token attends to itself only."""
    model, numpy_model, images = convit
    maps, _ = numpy_model.run(images[1].astype("float64"), GRID)
    flow = np.eye(13)
    for m in maps:
        whole = np.eye(13)
        whole[13 - m.shape[1] :, 13 - m.shape[2] :] = m.mean(axis=0)
        flow = (0.5 * whole + 0.5 * np.eye(13)) @ flow
    expected = flow[0, 1:] / flow[0, 1:].sum()
    found = rollout(attention_maps(model, images))
    assert found.shape == (2, *GRID)
    np.testing.assert_allclose(found[1].ravel(), expected, rtol=1e-4)


def test_rollout_divides_a_coarse_key_among_its_positions():
    """The class token attends to one key of 2x2 only, which stands for one or two."""
    weights = np.tile(np.eye(5)[None, None, [0] * 7], (1, 1, 1, 1)).astype("float64")
    weights[0, 0, 0] = [0, 0, 1, 0, 0]
    m = AttentionMap("a", weights, (2, 3), (2, 2), True)
    # the columns of 3 belong to keys 0, 0, 1
    np.testing.assert_allclose(rollout([m])[0], [[0, 0, 1], [0, 0, 0]])
    m.weights[0, 0, 0] = [0, 1, 0, 0, 0]
    np.testing.assert_allclose(rollout([m])[0], [[0.5, 0.5, 0], [0, 0, 0]])


def test_rollout_without_class_token_is_the_mean_over_positions():
    rng = np.random.default_rng(0)
    weights = rng.uniform(size=(2, 1, 2, 4, 4))
    weights /= weights.sum(axis=-1, keepdims=True)
    maps = [AttentionMap("a", w, (2, 2), (2, 2), False) for w in weights]
    maps.insert(0, AttentionMap("b", weights[0], (4, 1), (4, 1), False))  # left out
    first, second = (0.5 * w[0].mean(axis=0) + 0.5 * np.eye(4) for w in weights)
    expected = (second @ first).mean(axis=0)
    np.testing.assert_allclose(rollout(maps)[0].ravel(), expected)
    with pytest.raises(ValueError, match="positions as keys"):
        rollout([AttentionMap("lca", weights[0], None, None, False)])


@pytest.mark.parametrize("depth", [3, 5])
def test_class_attention_over_layers(depth, randomise):
    """At depth 5 the feature map of 2x2 gives as many tokens as a layer has keys."""
    model = randomise(small(FAMILIES["CeiT"], size=(32, 32), depth=depth))
    shape = (2, *model.input_shape[1:])
    images = np.random.default_rng(0).uniform(0, 255, shape).astype("float32")
    found = class_attention(model, images)
    names = [f"lca_attention_{role}" for role in ("query", "key")]
    read = keras.Model(model.input, [model.get_layer(name).output for name in names])
    q, k = (x.reshape(2, -1, 2, 16) for x in read.predict_on_batch(images))
    scores = np.einsum("bnhc,bmhc->bhm", q, k) / 4
    scores = np.exp(scores.astype("float64"))
    expected = scores / scores.sum(axis=-1, keepdims=True)
    assert found.shape == (2, 2, depth)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_models_without_maps():
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="no attention layer"):
        attention_maps(plain, np.zeros((1, 4)))
    with pytest.raises(ValueError, match="build it with the input_shape"):
        attention_maps(models.ATC3(input_shape=(None, None, 3)), None)
    with pytest.raises(ValueError, match="has no attention layer 'block9'"):
        attention_maps(small("convit_tiny"), None, layers=["block9"])
    with pytest.raises(ValueError, match="no layer-wise class attention"):
        class_attention(small("convit_tiny"), None)
