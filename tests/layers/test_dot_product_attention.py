"""The attention core against its formula, in whichever form the backend takes."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_hybrid
from keras_hybrid.layers import DotProductAttention
from tests.layers.test_relative_attention import numpy, softmax

FORMS = ["plain", "fused", "fused_even", "divide_last"]
HEADS, WIDTH = 3, 4
QUERIES, KEYS = 7, 5


def draws(seed=0, size=1.0):
    """Queries, keys, values and a bias, with heads apart."""
    rng = np.random.default_rng(seed)
    sizes = (QUERIES, KEYS, KEYS)
    q, k, v = (rng.normal(0, size, (2, n, HEADS, WIDTH)) for n in sizes)
    return q, k, v, rng.normal(0, size, (1, HEADS, QUERIES, KEYS))


def formula(q, k, v, bias, scale):
    """In float64: the weights, then their product with the values."""
    scores = np.einsum("bnhd,bmhd->bhnm", q, k) * scale
    return np.einsum("bhnm,bmhd->bnhd", softmax(scores + bias), v)


def joined(x):
    return x.reshape(*x.shape[:2], -1).astype("float32")


@pytest.mark.parametrize("biased", [False, True])
def test_attention_is_its_formula(biased):
    q, k, v, bias = draws()
    bias = bias if biased else 0 * bias
    found = DotProductAttention(HEADS, scale=0.7)(
        *map(joined, (q, k, v)), bias=bias.astype("float32") if biased else None
    )
    expected = joined(formula(q, k, v, bias, 0.7))
    np.testing.assert_allclose(numpy(found), expected, atol=1e-6)
    assert np.ptp(expected) > 0.5


@pytest.mark.parametrize("form", FORMS)
def test_large_scores_do_not_overflow(form):
    q, k, v, bias = draws(size=40.0)  # scores to some thousands, exp(89) is infinite
    arrays = (ops.convert_to_tensor(x, "float32") for x in (q, k, v, bias))
    with keras_hybrid.ops.forms(dot_product_attention=form):
        found = keras_hybrid.ops.dot_product_attention(*arrays, 1.0)
    np.testing.assert_allclose(
        numpy(found), formula(q, k, v, bias, 1.0), rtol=1e-3, atol=1e-2
    )


class OfWeights(keras.Layer):
    """The input times a function of weights, which are some arrays."""

    def __init__(self, function, arrays):
        super().__init__()
        self.function = function
        self.arrays = [self.add_weight(x.shape) for x in arrays]
        self.set_weights(arrays)

    def call(self, x):
        return x * self.function(*map(ops.copy, self.arrays))


@pytest.mark.parametrize("bias_form", ["plain", "matmul_gradient"])
@pytest.mark.parametrize("form", ["plain", "fused_even", "divide_last"])
def test_gradients_are_those_of_the_fused_attention(form, bias_form, gradients):
    arrays = draws(seed=1)
    shape = (1, *arrays[0].shape)
    upstream = np.random.default_rng(2).normal(size=shape).astype("float32")

    def of(form):
        inputs = keras.Input(shape[1:])
        attention = keras_hybrid.ops.dot_product_attention
        outputs = OfWeights(lambda *x: attention(*x, 0.7), arrays)(inputs)
        model = keras.Model(inputs, outputs)
        chosen = {"dot_product_attention": form, "add_shared_bias": bias_form}
        with keras_hybrid.ops.forms(**chosen):
            return list(gradients(model, upstream, ops.sum).values())

    found, expected = of(form), of("fused")
    assert len(expected) == len(arrays)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
        assert np.abs(b).max() > 0.1
