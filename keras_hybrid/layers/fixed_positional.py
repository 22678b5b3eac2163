"""Gated positional attention with its positional attention as constants."""

from typing import Any

import keras
from keras import ops

from keras_hybrid.layers.attention import DotProductAttention
from keras_hybrid.layers.composite import CompositeLayer
from keras_hybrid.layers.gated_positional import gated_attention_macs
from keras_hybrid.ops.positional_attention import attend_along_axes
from keras_hybrid.utils.typing import MapShape, Tensor


@keras.saving.register_keras_serializable("keras_hybrid")
class FixedPositionalAttention(CompositeLayer):
    """`GatedPositionalAttention` of a trained model on maps of one size.

    Positional attention depends on weights only, not on the image. `export.fold`
    computes its maps over rows and columns and the gates once, as constants:

        share * softmax(q k^T * scale) v + rows (columns v).

    Args:
        heads: Number of heads; it divides the channels.

    Call arguments:
        query, key, value: Maps `(B, H, W, C)` without class token, H and W fixed.

    Output shape: that of `query`.
    """

    def __init__(self, heads: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.heads = heads
        self.content = DotProductAttention(
            heads, name="content", dtype=self.dtype_policy
        )

    def build(
        self,
        query_shape: MapShape,
        key_shape: MapShape | None = None,
        value_shape: MapShape | None = None,
    ) -> None:
        self.content.build(query_shape)
        _, height, width, _ = query_shape
        fixed = {"trainable": False, "initializer": "zeros"}
        self.share = self.add_weight(shape=(self.heads, 1), name="share", **fixed)
        self.rows = self.add_weight(  # times the gate
            shape=(self.heads, height, height), name="rows", **fixed
        )
        self.columns = self.add_weight(
            shape=(self.heads, width, width), name="columns", **fixed
        )

    def call(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        shape = ops.shape(query)
        split = (-1, *shape[1:3], self.heads, shape[3] // self.heads)
        content = ops.reshape(self.content(query, key, value), split)
        value = ops.reshape(value, split)
        positional = attend_along_axes(self.rows, self.columns, value)
        out = ops.cast(self.share, content.dtype) * content + positional
        return ops.reshape(out, (-1, *shape[1:]))

    def attention_weights(self, query: Tensor, key: Tensor) -> Tensor:
        """The mixed attention `(B, heads, N, N)`: each row sums to 1."""
        _, height, width, _ = query.shape
        content = self.content.attention_weights(query, key)
        position = self.rows[:, :, None, :, None] * self.columns[:, None, :, None]
        position = ops.reshape(position, (-1, height * width, height * width))
        share = ops.cast(self.share[..., None], content.dtype)
        return share * content + ops.cast(position, content.dtype)

    def compute_output_shape(
        self,
        query_shape: MapShape,
        key_shape: MapShape | None = None,
        value_shape: MapShape | None = None,
    ) -> MapShape:
        return query_shape

    def macs(
        self, query_shape: MapShape, key_shape: MapShape, value_shape: MapShape
    ) -> int:
        return gated_attention_macs(query_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "heads": self.heads}
