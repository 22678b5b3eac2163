"""Muon: what is orthogonalized, how far, and what AdamW keeps."""

import keras
import numpy as np
import pytest

from keras_hybrid.train.muon import COEFFICIENTS, Muon, orthogonalize

SHAPES = [(16, 16), (144, 16), (16, 144), (8, 27)]


def matrix(shape, seed=0):
    """A matrix whose singular values fall to a hundredth of the largest."""
    rng = np.random.default_rng(seed)
    u, s, v = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    return (u * np.geomspace(1, 0.01, len(s))) @ v


def newton_schulz(x, steps):
    """The iteration as published, in float64."""
    if x.shape[0] > x.shape[1]:
        return newton_schulz(x.T, steps).T
    a, b, c = COEFFICIENTS
    x = x / np.linalg.norm(x)
    for _ in range(steps):
        gram = x @ x.T
        x = (a * np.eye(len(x)) + b * gram + c * gram @ gram) @ x
    return x


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("steps", [1, 3, 5])
def test_it_is_the_published_iteration(shape, steps):
    x = matrix(shape)
    found = keras.ops.convert_to_numpy(orthogonalize(x.astype("float32"), steps))
    np.testing.assert_allclose(found, newton_schulz(x, steps), atol=2e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_values_come_near_one_and_vectors_stay(shape):
    x = matrix(shape)
    found = keras.ops.convert_to_numpy(orthogonalize(x.astype("float32")))
    u, _, v = np.linalg.svd(x, full_matrices=False)
    turned = u.T @ found @ v.T
    values = np.diag(turned)
    assert values.min() > 0.5 and values.max() < 1.3
    np.testing.assert_allclose(turned, np.diag(values), atol=1e-3)


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3, name="conv")(inputs)
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(5, name="hidden")(x)
    return keras.Model(inputs, keras.layers.Dense(4, name="head")(x))


def updated(model, optimizer, gradients):
    """What one update adds to every variable, by path."""
    before = {v.path: keras.ops.convert_to_numpy(v) for v in model.trainable_variables}
    optimizer.apply(
        [keras.ops.convert_to_tensor(g) for g in gradients], model.trainable_variables
    )
    return {
        v.path: keras.ops.convert_to_numpy(v) - before[v.path]
        for v in model.trainable_variables
    }


def test_one_update(model):
    rng = np.random.default_rng(0)
    gradients = [
        rng.normal(size=v.shape).astype("float32") for v in model.trainable_variables
    ]
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    optimizer = Muon(0.1, weight_decay=None, adam_weight_decay=None, adam_lr_ratio=0.5)
    optimizer.exclude_from_muon(model.get_layer("head").trainable_variables)
    changes = updated(model, optimizer, gradients)
    adam = updated(twin, keras.optimizers.Adam(0.05), gradients)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        change = changes[variable.path]
        if variable.path in ("conv/kernel", "hidden/kernel"):
            flat = gradient.reshape(-1, gradient.shape[-1])
            size = 0.1 * 0.2 * max(flat.shape) ** 0.5
            expected = -size * newton_schulz(flat.astype("float64"), 5)
            np.testing.assert_allclose(
                change.reshape(flat.shape), expected, atol=1e-3 * size
            )
        else:  # biases, the depthwise kernel, the head
            np.testing.assert_allclose(change, adam[variable.path], atol=1e-6)


def test_weight_decay_is_decoupled(model):
    optimizer = Muon(0.1, weight_decay=0.5, adam_weight_decay=0.25)
    zeros = [np.zeros(v.shape, "float32") for v in model.trainable_variables]
    before = {v.path: keras.ops.convert_to_numpy(v) for v in model.trainable_variables}
    changes = updated(model, optimizer, zeros)
    np.testing.assert_allclose(
        changes["conv/kernel"], -0.05 * before["conv/kernel"], atol=1e-6
    )
    np.testing.assert_allclose(
        changes["depthwise/kernel"], -0.025 * before["depthwise/kernel"], atol=1e-6
    )


def test_exclusion_comes_before_the_first_update(model):
    optimizer = Muon()
    optimizer.build(model.trainable_variables)
    with pytest.raises(ValueError, match="before the first update"):
        optimizer.exclude_from_muon(model.trainable_variables)
