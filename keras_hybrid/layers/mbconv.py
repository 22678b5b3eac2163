"""MBConv, the inverted bottleneck with squeeze-and-excitation, pre-norm.

Sandler et al. 2018 (arXiv:1801.04381) and Tan & Le 2019 (arXiv:1905.11946), in the
form of CoAtNet (arXiv:2106.04803, appendix A.1).
"""

import math
from typing import Any

import keras
from keras import ops

from keras_hybrid.layers import activations
from keras_hybrid.layers.composite import CompositeLayer
from keras_hybrid.layers.depthwise import PaddedDepthwiseConv2D
from keras_hybrid.layers.factories import batch_norm_unless, dense, fan_out_normal
from keras_hybrid.layers.squeeze_excite import SqueezeExcite
from keras_hybrid.utils.typing import MapShape, Tensor, fixed

STRIDE_BY = ("conv", "pool")


@keras.saving.register_keras_serializable("keras_hybrid")
class MBConv(CompositeLayer):
    """The residual branch: norm, 1x1 to many channels, depthwise 3x3, gate, 1x1 back.

    Batch normalisation and activation follow the first two convolutions; none
    follows the last.

    Args:
        width: Channels of the output.
        expand_width: Channels of the depthwise convolution.
        squeeze_width: Channels inside the squeeze-and-excitation.
        strides: Stride of the branch.
        activation: Name of the activation.
        norm_activation: Whether an activation follows the first norm too.
        squeeze_early: Whether the gate sits before the depthwise convolution's
            norm and activation instead of after them.
        squeeze_activation: Name of the activation inside the gate.
        stride_by: `"conv"`: the depthwise convolution strides; `"pool"`: a mean over
            `strides` x `strides` pixels before the first 1x1.
        use_bias: Whether the last 1x1 has a bias.
        padding_mode: `"zeros"` or `"circular"`.
        folded: Whether batch norms are gone, folded into the weights beside them by
            `export.fold`: the first unless an activation follows it, and the last
            unless the gate precedes it.

    Input shape: `(B, H, W, C)`. Output shape: `(B, H', W', width)`, with
    `H' = H / strides` where `strides` divides H.

    Raises:
        ValueError: If `stride_by` is unknown.
    """

    def __init__(
        self,
        width: int,
        expand_width: int,
        squeeze_width: int,
        strides: int = 1,
        activation: str = "gelu",
        norm_activation: bool = False,
        squeeze_early: bool = False,
        squeeze_activation: str = "silu",
        stride_by: str = "conv",
        use_bias: bool = True,
        padding_mode: str = "zeros",
        folded: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if stride_by not in STRIDE_BY:
            raise ValueError(
                f"stride_by must be one of {STRIDE_BY}, not {stride_by!r}."
            )
        self.width = width
        self.expand_width = expand_width
        self.squeeze_width = squeeze_width
        self.strides = strides
        self.activation = activation
        self.norm_activation = norm_activation
        self.squeeze_early = squeeze_early
        self.squeeze_activation = squeeze_activation
        self.stride_by = stride_by
        self.use_bias = use_bias
        self.padding_mode = padding_mode
        self.folded = folded
        self._activate = activations.get(activation)
        policy = {"dtype": self.dtype_policy}
        start = {"kernel_initializer": fan_out_normal()} | policy
        self.norm = batch_norm_unless(folded and not norm_activation, "norm", **policy)
        self.expand = dense(expand_width, "expand", use_bias=folded, **start)
        self.expand_norm = batch_norm_unless(folded, "expand_norm", **policy)
        self.conv = PaddedDepthwiseConv2D(
            3,
            strides if stride_by == "conv" else 1,
            use_bias=folded and not squeeze_early,
            padding_mode=padding_mode,
            name="conv",
            **start,
        )
        self.conv_norm = batch_norm_unless(
            folded and not squeeze_early, "conv_norm", **policy
        )
        self.squeeze_excite = SqueezeExcite(
            expand_width,
            squeeze_width,
            squeeze_activation,
            name="squeeze_excite",
            **policy,
        )
        self.project = dense(width, "project", use_bias=use_bias, **start)

    def build(self, input_shape: MapShape) -> None:
        self.norm.build(input_shape)
        self.expand.build(input_shape)
        inside = (*input_shape[:-1], self.expand_width)
        for layer in (self.expand_norm, self.conv):
            layer.build(inside)
        inside = (*self.compute_output_shape(input_shape)[:-1], self.expand_width)
        for layer in (self.conv_norm, self.squeeze_excite, self.project):
            layer.build(inside)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        x = self.norm(x, training=training)
        if self.norm_activation:
            x = self._activate(x)
        if self.stride_by == "pool" and self.strides > 1:
            x = ops.average_pool(
                x, self.strides, self.strides, data_format="channels_last"
            )
        x = self._activate(self.expand_norm(self.expand(x), training=training))
        x = self.conv(x)  # (B, H', W', expand_width)
        if self.squeeze_early:
            x = self.squeeze_excite(x)
        x = self._activate(self.conv_norm(x, training=training))
        if not self.squeeze_early:
            x = self.squeeze_excite(x)
        return self.project(x)

    def compute_output_shape(self, input_shape: MapShape) -> MapShape:
        batch, height, width, _ = input_shape
        size = self._output_size
        return (batch, size(height), size(width), self.width)

    def _output_size(self, side: int | None) -> int | None:
        if side is None:
            return None
        up = self.strides - 1 if self.stride_by == "conv" else 0
        return (side + up) // self.strides

    def macs(self, input_shape: MapShape) -> int:
        """Multiply-adds of one image, of convolutions and dense layers."""
        height, width, channels = fixed(input_shape[1:])
        outside = math.prod(fixed(self.compute_output_shape(input_shape)[1:3]))
        inside = outside if self.stride_by == "pool" else height * width
        return (
            inside * channels * self.expand_width
            + outside * self.expand_width * (9 + self.width)
            + self.squeeze_excite.macs((None, 1, 1, self.expand_width))
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "width": self.width,
            "expand_width": self.expand_width,
            "squeeze_width": self.squeeze_width,
            "strides": self.strides,
            "activation": self.activation,
            "norm_activation": self.norm_activation,
            "squeeze_early": self.squeeze_early,
            "squeeze_activation": self.squeeze_activation,
            "stride_by": self.stride_by,
            "use_bias": self.use_bias,
            "padding_mode": self.padding_mode,
            "folded": self.folded,
        }
