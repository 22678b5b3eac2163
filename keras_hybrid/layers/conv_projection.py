"""Convolutional projection (CvT, arXiv:2103.15808, section 3.2)."""

from typing import Any

import keras
from keras import ops

from keras_hybrid.layers.composite import CompositeLayer
from keras_hybrid.layers.depthwise import PaddedDepthwiseConv2D
from keras_hybrid.layers.factories import batch_norm_unless, dense, dense_macs
from keras_hybrid.ops import area, to_map, to_tokens
from keras_hybrid.utils.typing import MapShape, Tensor, TokensShape

METHODS = ("conv", "avg", "linear")


@keras.saving.register_keras_serializable("keras_hybrid")
class ConvProjection(CompositeLayer):
    """Projects tokens to queries, keys or values after looking at their neighbours.

    `"conv"`: depthwise convolution, batch normalisation, dense layer, the paper's
    choice. `"avg"`: average pooling in place of the first two. `"linear"`: the
    dense layer alone. A stride thins out keys and values. A class token takes no
    part in the convolution or its statistics; it goes to the dense layer directly.

    Args:
        width: Channels of the output.
        kernel_size: Side of the window, in tokens.
        strides: Tokens between two outputs.
        method: `"conv"`, `"avg"` or `"linear"`; the last allows `strides=1` only.
        folded: Whether batch norms are gone, folded into the weights beside them by
            `export.fold`.

    Call arguments:
        x: A map `(B, H, W, C)`, or tokens `(B, 1 + H * W, C)`, class token first.
        grid: For tokens: any map of H x W, which gives them their positions.

    Output shape: `(B, H', W', width)` or `(B, 1 + H' * W', width)`, with
    `H' = ceil(H / strides)` (one more for `"avg"`, even H and stride 2).

    Raises:
        ValueError: If `method` is unknown, or linear with a stride.
    """

    def __init__(
        self,
        width: int,
        kernel_size: int = 3,
        strides: int = 1,
        method: str = "conv",
        folded: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if method not in METHODS:
            raise ValueError(f"method must be one of {METHODS}, not {method!r}.")
        if method == "linear" and strides != 1:
            raise ValueError("A linear projection has no stride: give strides=1.")
        self.width = width
        self.kernel_size = kernel_size
        self.strides = strides
        self.method = method
        self.folded = folded
        if method == "conv":
            self.conv = PaddedDepthwiseConv2D(
                kernel_size,
                strides,
                use_bias=folded,
                dtype=self.dtype_policy,
                name="conv",
            )
            self.norm = batch_norm_unless(folded, "norm", dtype=self.dtype_policy)
        self.linear = dense(width, "linear", dtype=self.dtype_policy)

    def build(
        self, x_shape: MapShape | TokensShape, grid_shape: MapShape | None = None
    ) -> None:
        channels = x_shape[-1]
        if self.method == "conv":
            self.conv.build((None, None, None, channels))
            self.norm.build((None, None, None, channels))
        self.linear.build((None, channels))

    def call(
        self, x: Tensor, grid: Tensor | None = None, training: bool | None = None
    ) -> Tensor:
        if self.method == "linear":
            return self.linear(x)
        if grid is None:
            return self.linear(self._look_around(x, training))
        patches = self._look_around(to_map(x[:, 1:], like=grid), training)
        return self.linear(ops.concatenate([x[:, :1], to_tokens(patches)], axis=1))

    def _look_around(self, x: Tensor, training: bool | None) -> Tensor:
        if self.method == "avg":
            return _average_pool(x, self.kernel_size, self.strides)
        return self.norm(self.conv(x), training=training)

    def compute_output_shape(
        self, x_shape: MapShape | TokensShape, grid_shape: MapShape | None = None
    ) -> MapShape | TokensShape:
        if self.method == "linear":
            return (*x_shape[:-1], self.width)
        batch, *sides, _ = x_shape if grid_shape is None else grid_shape
        height, width = map(self._side, sides)
        if grid_shape is None:
            return (batch, height, width, self.width)
        patches = area(height, width)
        return (batch, None if patches is None else 1 + patches, self.width)

    def macs(
        self, x_shape: MapShape | TokensShape, grid_shape: MapShape | None = None
    ) -> int:
        shape = (*self.compute_output_shape(x_shape, grid_shape)[:-1], x_shape[-1])
        macs = dense_macs(shape, self.width)
        if self.method == "conv":
            macs += self.conv.macs((*(grid_shape or x_shape)[:3], x_shape[-1]))
        return macs

    def _side(self, side: int | None) -> int | None:
        if side is None:
            return None
        extra = self.method == "avg" and self.strides > 1 and side % self.strides == 0
        return -(-side // self.strides) + int(extra)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "width": self.width,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "method": self.method,
            "folded": self.folded,
        }


def _average_pool(x: Tensor, size: int, stride: int) -> Tensor:
    """Mean over windows that may reach past the far border (torch's `ceil_mode`).

    Zeros padded on both sides count in the mean; what lies beyond them does not.
    """
    near, beyond = size // 2, stride - 1
    counted = ops.pad(x, ((0, 0), (near, near), (near, near), (0, 0)))
    ones = ops.ones_like(counted[:1, :, :, :1])
    reach = ((0, 0), (0, beyond), (0, beyond), (0, 0))

    def pool(values: Tensor) -> Tensor:
        values = ops.pad(values, reach)
        return ops.average_pool(
            values, size, stride, padding="valid", data_format="channels_last"
        )

    return pool(counted) / pool(ones)
