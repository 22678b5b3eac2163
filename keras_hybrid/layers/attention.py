"""The one attention core: softmax(q k^T * scale + bias) v, per head."""

import math
from typing import Any

import keras
from keras import ops

from keras_hybrid.ops import attention_scores, dot_product_attention, to_tokens
from keras_hybrid.utils.typing import MapShape, Shape, Tensor, TokensShape, fixed


@keras.saving.register_keras_serializable("keras_hybrid")
class DotProductAttention(keras.layers.Layer):
    """Multi-head attention between projected queries, keys and values.

    It has no weights: the projections before and after it belong to the family.

    Args:
        heads: Number of heads; it divides the channels.
        scale: Factor on the dot products; None means `(channels / heads) ** -0.5`.

    Call arguments:
        query: Tokens `(B, N, C)` or a map `(B, H, W, C)`.
        key, value: Tokens `(B, M, C)` or maps with M positions.
        bias: Optional, added to the scaled dot products: broadcasts to
            `(B, heads, N, M)`.

    Output shape: that of `query`.

    Raises:
        ValueError: If `heads` does not divide the channels.
    """

    def __init__(self, heads: int, scale: float | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.heads = heads
        self.scale = scale

    def build(
        self,
        query_shape: MapShape | TokensShape,
        key_shape: MapShape | TokensShape | None = None,
        value_shape: MapShape | TokensShape | None = None,
        bias_shape: Shape | None = None,
    ) -> None:
        if query_shape[-1] % self.heads:
            raise ValueError(
                f"{self.name}: {self.heads} heads do not divide "
                f"{query_shape[-1]} channels."
            )

    def call(
        self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None
    ) -> Tensor:
        shape = ops.shape(query)
        q, k, v = (self._split_heads(x) for x in (query, key, value))
        scale = q.shape[-1] ** -0.5 if self.scale is None else self.scale
        out = dot_product_attention(q, k, v, bias, scale)
        return ops.reshape(out, (-1, *shape[1:]))

    def attention_weights(
        self, query: Tensor, key: Tensor, bias: Tensor | None = None
    ) -> Tensor:
        """The attention map `(B, heads, N, M)`: each row sums to 1."""
        q, k = self._split_heads(query), self._split_heads(key)
        scale = q.shape[-1] ** -0.5 if self.scale is None else self.scale
        return ops.softmax(attention_scores(q, k, bias, scale), axis=-1)

    def _split_heads(self, x: Tensor) -> Tensor:
        x = to_tokens(x)  # (B, N, C)
        width = x.shape[-1] // self.heads
        return ops.reshape(x, (-1, ops.shape(x)[1], self.heads, width))

    def compute_output_shape(
        self,
        query_shape: MapShape | TokensShape,
        key_shape: MapShape | TokensShape | None = None,
        value_shape: MapShape | TokensShape | None = None,
        bias_shape: Shape | None = None,
    ) -> MapShape | TokensShape:
        return query_shape

    def macs(
        self,
        query_shape: MapShape | TokensShape,
        key_shape: MapShape | TokensShape,
        value_shape: MapShape | TokensShape,
        bias_shape: Shape | None = None,
    ) -> int:
        queries = math.prod(fixed(query_shape[1:-1]))
        keys = math.prod(fixed(key_shape[1:-1]))
        return queries * keys * (query_shape[-1] + value_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "heads": self.heads, "scale": self.scale}
