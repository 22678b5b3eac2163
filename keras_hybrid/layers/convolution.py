"""Convolutions with symmetric padding, the alignment of the published networks.

Keras' `padding="same"` pads a strided convolution on the far side only, which
shifts its grid by a pixel against the published weights. Here `padding` pixels
go on every side and the convolution is "valid". Weights start from the uniform
distribution U(-1/sqrt(fan_in), 1/sqrt(fan_in)) unless an initializer is given,
biases always, as the published code leaves its convolutions (He et al. 2015 with
a = sqrt(5)).
"""

import math
from typing import Any

import keras
from keras import ops

from keras_hybrid.ops import PADDING_MODES, conv, pad_map
from keras_hybrid.utils.typing import MapShape, Tensor, fixed


def fan_in_uniform(fan_in: int) -> keras.initializers.Initializer:
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in))."""
    return keras.initializers.RandomUniform(-(fan_in**-0.5), fan_in**-0.5)


class PaddedConvolution(keras.layers.Layer):
    """What padded convolutions share: arguments, padding and the output size."""

    def __init__(
        self,
        kernel_size: int,
        strides: int = 1,
        padding: int | None = None,
        use_bias: bool = True,
        padding_mode: str = "zeros",
        kernel_initializer: str | keras.initializers.Initializer | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if padding_mode not in PADDING_MODES:
            raise ValueError(
                f"padding_mode must be one of {PADDING_MODES}, not {padding_mode!r}."
            )
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = kernel_size // 2 if padding is None else padding
        self.use_bias = use_bias
        self.padding_mode = padding_mode
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def _add_weights(
        self, kernel_shape: tuple[int, ...], fan_in: int, channels: int
    ) -> None:
        self.kernel = self.add_weight(
            shape=kernel_shape,
            initializer=self.kernel_initializer or fan_in_uniform(fan_in),
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(channels,), initializer=fan_in_uniform(fan_in), name="bias"
            )

    def _output_size(self, side: int | None) -> int | None:
        if side is None:
            return None
        size = (side + 2 * self.padding - self.kernel_size) // self.strides + 1
        if size < 1:
            raise ValueError(
                f"{self.name}: an input side of {side} pixels is too small for a "
                f"{self.kernel_size}x{self.kernel_size} kernel with padding "
                f"{self.padding}; it takes {self.kernel_size - 2 * self.padding} "
                "pixels or more."
            )
        return size

    def _pad(self, x: Tensor) -> Tensor:
        return pad_map(x, self.padding, self.padding_mode)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "use_bias": self.use_bias,
            "padding_mode": self.padding_mode,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable("keras_hybrid")
class PaddedConv2D(PaddedConvolution):
    """2D convolution with symmetric padding.

    Args:
        filters: Channels of the output.
        kernel_size: Side of the square kernel, in pixels.
        strides: Stride along both axes.
        padding: Pixels added on each side; None means `kernel_size // 2`.
        use_bias: Whether to add a bias per output channel.
        padding_mode: `"zeros"`, or `"circular"` for the opposite border's pixels.
        kernel_initializer: None means U(-1/sqrt(fan_in), 1/sqrt(fan_in)).

    Input shape: `(B, H, W, C)`. Output shape: `(B, H', W', filters)` with
    `H' = (H + 2 * padding - kernel_size) // strides + 1`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        strides: int = 1,
        padding: int | None = None,
        use_bias: bool = True,
        **kwargs: Any,
    ):
        super().__init__(kernel_size, strides, padding, use_bias, **kwargs)
        self.filters = filters

    def build(self, input_shape: MapShape) -> None:
        size, channels = self.kernel_size, input_shape[-1]
        shape = (size, size, channels, self.filters)
        self._add_weights(shape, size * size * channels, self.filters)

    def call(self, x: Tensor) -> Tensor:
        x = conv(self._pad(x), ops.cast(self.kernel, x.dtype), self.strides)
        return x if self.bias is None else x + self.bias

    def compute_output_shape(self, input_shape: MapShape) -> MapShape:
        batch, height, width, _ = input_shape
        size = self._output_size
        return (batch, size(height), size(width), self.filters)

    def macs(self, input_shape: MapShape) -> int:
        window = self.kernel_size**2 * input_shape[-1]
        outputs = fixed(self.compute_output_shape(input_shape)[1:])
        return math.prod(outputs) * window

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters}
