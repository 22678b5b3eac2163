"""Residual pieces of ATC: a depthwise-separable unit and the plain basic block."""

from typing import Any

import keras
from keras import ops

from keras_hybrid.layers.composite import CompositeLayer
from keras_hybrid.layers.convolution import PaddedConv2D
from keras_hybrid.layers.depthwise import PaddedDepthwiseConv2D
from keras_hybrid.layers.factories import (
    batch_norm_unless,
    dense,
    dense_macs,
    layer_norm,
)
from keras_hybrid.utils.typing import MapShape, Tensor


@keras.saving.register_keras_serializable("keras_hybrid")
class SeparableUnit(CompositeLayer):
    """Depthwise convolution, batch norm, dense layer, batch norm; the width is kept.

    With a 1x1 kernel it is a dense layer at inference, which is how ATC contains
    CvT. There is no activation inside.

    Args:
        width: Channels of input and output.
        kernel_size: Side of the depthwise kernel, in pixels.
        folded: Whether batch norms are gone, folded into the weights beside them by
            `export.fold`.

    Input shape: `(B, H, W, width)`. Output shape: the same.
    """

    def __init__(
        self, width: int, kernel_size: int = 3, folded: bool = False, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.width = width
        self.kernel_size = kernel_size
        self.folded = folded
        policy = {"dtype": self.dtype_policy}
        self.conv = PaddedDepthwiseConv2D(kernel_size, name="conv", **policy)
        self.conv_norm = batch_norm_unless(folded, "conv_norm", **policy)
        self.linear = dense(width, "linear", **policy)
        self.linear_norm = batch_norm_unless(folded, "linear_norm", **policy)

    def build(self, input_shape: MapShape) -> None:
        for layer in (self.conv, self.conv_norm, self.linear, self.linear_norm):
            layer.build(input_shape)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        x = self.conv_norm(self.conv(x), training=training)
        return self.linear_norm(self.linear(x), training=training)

    def compute_output_shape(self, input_shape: MapShape) -> MapShape:
        return input_shape

    def macs(self, input_shape: MapShape) -> int:
        return self.conv.macs(input_shape) + dense_macs(input_shape, self.width)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "width": self.width,
            "kernel_size": self.kernel_size,
            "folded": self.folded,
        }


@keras.saving.register_keras_serializable("keras_hybrid")
class ResidualEmbedding(CompositeLayer):
    """A ResNet basic block with down-sampling as token embedding, then layer norm.

    conv3x3 (stride) - BN - ReLU - conv3x3 - BN, plus a 1x1 (stride) - BN shortcut,
    ReLU after the sum (He et al. 2016, arXiv:1512.03385, figure 5 left).

    Args:
        width: Channels of the output.
        strides: Pixels between tokens.
        folded: Whether batch norms are gone, folded into the weights beside them by
            `export.fold`.

    Input shape: `(B, H, W, C)`. Output shape: `(B, H', W', width)`.
    """

    def __init__(self, width: int, strides: int, folded: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.width = width
        self.strides = strides
        self.folded = folded
        policy = {"dtype": self.dtype_policy}
        self.conv1 = PaddedConv2D(width, 3, strides, name="conv1", **policy)
        self.norm1 = batch_norm_unless(folded, "norm1", **policy)
        self.conv2 = PaddedConv2D(width, 3, name="conv2", **policy)
        self.norm2 = batch_norm_unless(folded, "norm2", **policy)
        self.shortcut = PaddedConv2D(width, 1, strides, name="shortcut", **policy)
        self.shortcut_norm = batch_norm_unless(folded, "shortcut_norm", **policy)
        self.norm = layer_norm("norm", **policy)

    def build(self, input_shape: MapShape) -> None:
        self.conv1.build(input_shape)
        self.shortcut.build(input_shape)
        shape = self.compute_output_shape(input_shape)
        self.conv2.build(shape)
        for norm in (self.norm1, self.norm2, self.shortcut_norm, self.norm):
            norm.build(shape)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        y = ops.relu(self.norm1(self.conv1(x), training=training))
        y = self.norm2(self.conv2(y), training=training)
        x = self.shortcut_norm(self.shortcut(x), training=training)
        return self.norm(ops.relu(x + y))

    def compute_output_shape(self, input_shape: MapShape) -> MapShape:
        return self.conv1.compute_output_shape(input_shape)

    def macs(self, input_shape: MapShape) -> int:
        shape = self.compute_output_shape(input_shape)
        return sum(
            conv.macs(of)
            for conv, of in (
                (self.conv1, input_shape),
                (self.conv2, shape),
                (self.shortcut, input_shape),
            )
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "width": self.width,
            "strides": self.strides,
            "folded": self.folded,
        }
