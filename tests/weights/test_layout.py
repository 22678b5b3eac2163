"""Kernels of torch in Keras' layers: the same outputs, whoever wrote the layer."""

import keras
import numpy as np
import pytest

from keras_hybrid.layers import PaddedConv2D, PaddedDepthwiseConv2D
from keras_hybrid.weights.layout import to_keras_layout

pytestmark = pytest.mark.backend_independent

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(0)
CASES = {
    "dense": (keras.layers.Dense(4), torch.nn.Linear(4, 4), (2, 4)),
    "pointwise": (keras.layers.Dense(6), torch.nn.Conv2d(4, 6, 1), (2, 4, 5, 5)),
    "conv1d": (keras.layers.Conv1D(6, 3), torch.nn.Conv1d(4, 6, 3), (2, 4, 7)),
    "conv2d": (keras.layers.Conv2D(4, 3), torch.nn.Conv2d(4, 4, 3), (2, 4, 7, 7)),
    "conv3d": (
        keras.layers.Conv3D(3, (1, 2, 3)),
        torch.nn.Conv3d(2, 3, (1, 2, 3)),
        (1, 2, 4, 4, 4),
    ),
    "depthwise": (
        keras.layers.DepthwiseConv2D(3),
        torch.nn.Conv2d(4, 4, 3, groups=4),
        (2, 4, 7, 7),
    ),
    "padded conv": (
        PaddedConv2D(6, 3, strides=2),
        torch.nn.Conv2d(4, 6, 3, 2, 1),
        (2, 4, 8, 8),
    ),
    "padded depthwise": (
        PaddedDepthwiseConv2D(3, strides=2),
        torch.nn.Conv2d(4, 4, 3, 2, 1, groups=4),
        (2, 4, 8, 8),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_output_is_that_of_torch(case):
    layer, reference, shape = CASES[case]
    x = RNG.normal(size=shape).astype("float32")
    with torch.no_grad():
        expected = np.moveaxis(reference(torch.tensor(x)).numpy(), 1, -1)
    x = np.moveaxis(x, 1, -1)
    layer.build(x.shape)
    layer.kernel.assign(
        to_keras_layout(reference.weight.detach().numpy(), layer, "kernel")
    )
    layer.bias.assign(reference.bias.detach().numpy())
    found = keras.ops.convert_to_numpy(layer(x))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 4), (2, 3, 1, 1), (3, 3, 3)])
def test_what_is_no_kernel_stays_as_it_is(shape):
    """A square table of vectors, say: nothing in its shape tells it from a kernel."""
    tensor = RNG.normal(size=shape)
    embedding = keras.layers.Embedding(4, 4)
    np.testing.assert_array_equal(
        to_keras_layout(tensor, embedding, "embeddings"), tensor
    )
    np.testing.assert_array_equal(to_keras_layout(tensor, None, "kernel"), tensor)
