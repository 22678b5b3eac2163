"""GELU against its formula, and activations by name."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_hybrid.layers import LayerScale, activations, gelu, quick_gelu

POINTS = np.linspace(-6, 6, 97)
BELOW = 0.5 * (1 + np.vectorize(math.erf)(POINTS / math.sqrt(2)))
DENSITY = np.exp(-0.5 * POINTS**2) / math.sqrt(2 * math.pi)


def test_gelu_is_exact():
    found = ops.convert_to_numpy(gelu(ops.convert_to_tensor(POINTS, "float32")))
    np.testing.assert_allclose(found, POINTS * BELOW, atol=1e-6)


def test_gradient_of_gelu(gradients):
    inputs = keras.Input(POINTS.shape)
    scale = LayerScale(1.0)
    model = keras.Model(inputs, keras.layers.Activation(gelu)(scale(inputs)))
    (found,) = gradients(model, POINTS[None].astype("float32"), ops.sum).values()
    np.testing.assert_allclose(found, POINTS * (BELOW + POINTS * DENSITY), atol=3e-6)


def test_gelu_rounds_once():
    x = ops.cast(POINTS, "bfloat16")
    y = gelu(x)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    exact = ops.convert_to_numpy(gelu(ops.cast(x, "float32")))
    found = ops.convert_to_numpy(ops.cast(y, "float32"))
    np.testing.assert_allclose(found, exact, rtol=2**-8, atol=1e-6)


def test_activations_by_name():
    assert activations.get("gelu") is gelu
    assert activations.get("quick_gelu") is quick_gelu
    assert activations.get("silu") is keras.activations.silu
    assert activations.get(gelu) is gelu
    with pytest.raises(ValueError, match="swoosh"):
        activations.get("swoosh")
