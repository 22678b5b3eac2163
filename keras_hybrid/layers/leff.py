"""Locally-enhanced feed-forward network, LeFF (CeiT, arXiv:2103.11816, section 3.2)."""

from typing import Any

import keras
from keras import ops

from keras_hybrid.layers.activations import gelu
from keras_hybrid.layers.composite import CompositeLayer
from keras_hybrid.layers.convolution import fan_in_uniform
from keras_hybrid.layers.dense import Dense
from keras_hybrid.layers.depthwise import PaddedDepthwiseConv2D
from keras_hybrid.layers.factories import batch_norm_unless, dense, dense_macs
from keras_hybrid.ops import to_map, to_tokens
from keras_hybrid.utils.typing import MapShape, Tensor, TokensShape


@keras.saving.register_keras_serializable("keras_hybrid")
class LeFF(CompositeLayer):
    """An MLP on patch tokens that convolves between its dense layers.

    Dense layer, batch norm, GELU, depthwise convolution, batch norm, GELU, linear
    map, batch norm. The class token passes unchanged.

    Args:
        width: Channels of input and output.
        hidden: Channels between the dense layers.
        kernel_size: Side of the depthwise kernel, in tokens.
        use_norm: Whether to normalise.
        final_activation: Whether a GELU follows the last norm, as the paper's
            formula has it and its code does not.

    Call arguments:
        x: Tokens `(B, 1 + H * W, width)`, class token first.
        grid: Any map of H x W, which gives the tokens their positions. Without it x
            is the class token alone, `(B, 1, width)`.

    Output shape: that of `x`.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        kernel_size: int = 3,
        use_norm: bool = True,
        final_activation: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width = width
        self.hidden = hidden
        self.kernel_size = kernel_size
        self.use_norm = use_norm
        self.final_activation = final_activation
        policy = {"dtype": self.dtype_policy}
        self.expand = _linear(width, hidden, "expand", policy)
        self.conv = PaddedDepthwiseConv2D(kernel_size, name="conv", **policy)
        self.project = _linear(hidden, width, "project", policy)
        without = not use_norm
        self.expand_norm = batch_norm_unless(without, "expand_norm", **policy)
        self.conv_norm = batch_norm_unless(without, "conv_norm", **policy)
        self.project_norm = batch_norm_unless(without, "project_norm", **policy)

    def build(self, x_shape: TokensShape, grid_shape: MapShape | None = None) -> None:
        narrow, wide = (None, None, None, self.width), (None, None, None, self.hidden)
        self.expand.build(narrow)
        self.conv.build(wide)
        self.project.build(wide)
        self.expand_norm.build(wide)
        self.conv_norm.build(wide)
        self.project_norm.build(narrow)

    def call(
        self, x: Tensor, grid: Tensor | None = None, training: bool | None = None
    ) -> Tensor:
        if grid is None:
            return x + self._nothing() if training else x
        y = to_map(x[:, 1:], like=grid)
        y = self.expand_norm(self.expand(y), training=training)
        y = self.conv_norm(self.conv(gelu(y)), training=training)
        y = self.project_norm(self.project(gelu(y)), training=training)
        if self.final_activation:
            y = gelu(y)
        return ops.concatenate([x[:, :1], to_tokens(y)], axis=1)

    def _nothing(self) -> Tensor:
        """Zero, computed so that every weight gets a zero gradient instead of None."""
        return ops.cast(
            sum(0.0 * ops.sum(weight) for weight in self.trainable_weights),
            self.compute_dtype,
        )

    def compute_output_shape(
        self, x_shape: TokensShape, grid_shape: MapShape | None = None
    ) -> TokensShape:
        return x_shape

    def macs(self, x_shape: TokensShape, grid_shape: MapShape | None = None) -> int:
        if grid_shape is None:
            return 0
        wide = (*grid_shape[:3], self.hidden)
        return 2 * dense_macs(wide, self.width) + self.conv.macs(wide)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "width": self.width,
            "hidden": self.hidden,
            "kernel_size": self.kernel_size,
            "use_norm": self.use_norm,
            "final_activation": self.final_activation,
        }


def _linear(channels: int, width: int, name: str, policy: dict[str, Any]) -> Dense:
    """A 1x1 convolution: a dense layer that starts as a convolution does."""
    return dense(
        width,
        name,
        kernel_initializer=fan_in_uniform(channels),
        bias_initializer=fan_in_uniform(channels),
        **policy,
    )
