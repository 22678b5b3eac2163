"""Depthwise convolution with symmetric padding."""

import math

import keras

from keras_hybrid.layers.convolution import PaddedConvolution
from keras_hybrid.ops import depthwise_conv
from keras_hybrid.utils.typing import MapShape, Tensor, fixed


@keras.saving.register_keras_serializable("keras_hybrid")
class PaddedDepthwiseConv2D(PaddedConvolution):
    """Depthwise 2D convolution with symmetric padding, by `ops.depthwise_conv`.

    Args:
        kernel_size: Side of the square kernel, in pixels.
        strides: Stride along both axes.
        padding: Pixels added on each side; None means `kernel_size // 2`.
        use_bias: Whether to add a bias per channel.
        padding_mode: `"zeros"`, or `"circular"` for the opposite border's pixels.
        kernel_initializer: None means U(-1/sqrt(fan_in), 1/sqrt(fan_in)).

    Input shape: `(B, H, W, C)`. Output shape: `(B, H', W', C)`.
    """

    def build(self, input_shape: MapShape) -> None:
        size, channels = self.kernel_size, input_shape[-1]
        self._add_weights((size, size, channels, 1), size * size, channels)

    def call(self, x: Tensor) -> Tensor:
        x = depthwise_conv(self._pad(x), self.kernel, self.strides)
        return x if self.bias is None else x + self.bias

    def compute_output_shape(self, input_shape: MapShape) -> MapShape:
        batch, height, width, channels = input_shape
        size = self._output_size
        return (batch, size(height), size(width), channels)

    def macs(self, input_shape: MapShape) -> int:
        outputs = math.prod(fixed(self.compute_output_shape(input_shape)[1:]))
        return outputs * self.kernel_size**2
