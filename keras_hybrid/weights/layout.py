"""The order of axes in weights: torch's, and that of the Keras layer that has them."""

import keras
import numpy as np

from keras_hybrid.layers import PaddedConv2D, PaddedDepthwiseConv2D

_DEPTHWISE = (
    PaddedDepthwiseConv2D,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
)
_CONVOLUTIONS = (
    PaddedConv2D,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
)


def to_keras_layout(
    tensor: np.ndarray, layer: keras.Layer | None, variable: str
) -> np.ndarray:
    """A torch weight with its axes in the order of a Keras layer.

    Kernels of dense layers and convolutions are transposed. A 1x1 convolution of torch
    fits a dense layer. All other weights have the same order in both.

    Args:
        tensor: The weight as torch has it: `(out, in)` of a dense layer,
            `(out, in, *kernel)` of a convolution, `(channels, 1, *kernel)` of a
            depthwise convolution.
        layer: The layer that holds the variable; None where it is not known.
        variable: Name of the variable in the layer, e.g. `"kernel"`.

    Returns:
        The array: `(in, out)`, `(*kernel, in, out)` or `(*kernel, channels, 1)`. A
        tensor with a number of axes that the layer cannot have is returned unchanged.
    """
    if variable != "kernel" or tensor.ndim < 2:
        return tensor
    kernel_axes = range(2, tensor.ndim)
    if isinstance(layer, keras.layers.Dense):
        pointwise = all(tensor.shape[axis] == 1 for axis in kernel_axes)
        return tensor.reshape(tensor.shape[:2]).T if pointwise else tensor
    if isinstance(layer, _DEPTHWISE):
        return tensor.transpose((*kernel_axes, 0, 1))
    if isinstance(layer, _CONVOLUTIONS):
        return tensor.transpose((*kernel_axes, 1, 0))
    return tensor


def to_torch_layout(
    value: np.ndarray, layer: keras.Layer | None, variable: str, pointwise: bool = False
) -> np.ndarray:
    """A weight of a Keras layer with its axes in the order of torch.

    It is the inverse of `to_keras_layout`.

    Args:
        value: The weight as the layer has it.
        layer: The layer that holds the variable; None where it is not known.
        variable: Name of the variable in the layer, e.g. `"kernel"`.
        pointwise: Whether a dense layer is a 1x1 convolution in torch.
    """
    if variable != "kernel" or value.ndim < 2:
        return value
    if isinstance(layer, keras.layers.Dense):
        return value.T[:, :, None, None] if pointwise else value.T
    last = value.ndim - 1
    if isinstance(layer, _DEPTHWISE):
        return value.transpose((last - 1, last, *range(last - 1)))
    if isinstance(layer, _CONVOLUTIONS):
        return value.transpose((last, last - 1, *range(last - 1)))
    return value
