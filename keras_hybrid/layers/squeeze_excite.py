"""Squeeze-and-excitation (Hu et al. 2018, arXiv:1709.01507)."""

from typing import Any

import keras
from keras import ops

from keras_hybrid.layers import activations
from keras_hybrid.layers.composite import CompositeLayer
from keras_hybrid.layers.factories import dense, fan_out_normal
from keras_hybrid.utils.typing import MapShape, Tensor


@keras.saving.register_keras_serializable("keras_hybrid")
class SqueezeExcite(CompositeLayer):
    """Scales every channel by a gate that sees the mean of all channels.

    Args:
        width: Channels of input and output.
        squeeze_width: Channels between the two dense layers.
        activation: Name of the activation between them.

    Input shape: `(B, H, W, width)`. Output shape: the same.
    """

    def __init__(
        self,
        width: int,
        squeeze_width: int,
        activation: str = "silu",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width = width
        self.squeeze_width = squeeze_width
        self.activation = activation
        start = {"kernel_initializer": fan_out_normal(), "dtype": self.dtype_policy}
        self.reduce = dense(
            squeeze_width, "reduce", activation=activations.get(activation), **start
        )
        self.expand = dense(width, "expand", activation="sigmoid", **start)

    def build(self, input_shape: MapShape) -> None:
        self.reduce.build((None, 1, 1, self.width))
        self.expand.build((None, 1, 1, self.squeeze_width))

    def call(self, x: Tensor) -> Tensor:
        mean = ops.mean(x, axis=(1, 2), keepdims=True)  # (B, 1, 1, C)
        return x * self.expand(self.reduce(mean))

    def compute_output_shape(self, input_shape: MapShape) -> MapShape:
        return input_shape

    def macs(self, input_shape: MapShape) -> int:
        """Multiply-adds of one image, of the dense layers."""
        return 2 * self.width * self.squeeze_width

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "width": self.width,
            "squeeze_width": self.squeeze_width,
            "activation": self.activation,
        }
