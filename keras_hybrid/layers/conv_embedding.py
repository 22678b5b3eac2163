"""Convolutional token embedding (CvT, arXiv:2103.15808, section 3.1)."""

from typing import Any

import keras

from keras_hybrid.layers.composite import CompositeLayer
from keras_hybrid.layers.convolution import PaddedConv2D
from keras_hybrid.layers.factories import layer_norm
from keras_hybrid.utils.typing import MapShape, Tensor


@keras.saving.register_keras_serializable("keras_hybrid")
class ConvEmbedding(CompositeLayer):
    """A strided convolution, then layer normalisation over channels.

    Args:
        width: Channels of the output.
        kernel_size: Side of the kernel, in pixels; kernels overlap when it is
            larger than `strides`.
        strides: Pixels between tokens.
        padding: Zeros on each side; None means `kernel_size // 2`.

    Input shape: `(B, H, W, C)`. Output shape: `(B, H', W', width)`.
    """

    def __init__(
        self,
        width: int,
        kernel_size: int,
        strides: int,
        padding: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width = width
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.conv = PaddedConv2D(
            width, kernel_size, strides, padding, dtype=self.dtype_policy, name="conv"
        )
        self.norm = layer_norm("norm", dtype=self.dtype_policy)

    def build(self, input_shape: MapShape) -> None:
        self.conv.build(input_shape)
        self.norm.build(self.conv.compute_output_shape(input_shape))

    def call(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))

    def compute_output_shape(self, input_shape: MapShape) -> MapShape:
        return self.conv.compute_output_shape(input_shape)

    def macs(self, input_shape: MapShape) -> int:
        return self.conv.macs(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "width": self.width,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
        }
