"""The one attention core: softmax(q k^T * scale + bias) v, per head."""

import math

import keras
from keras import ops

from keras_hybrid.ops import attention_scores, dot_product_attention, to_tokens


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

    def __init__(self, heads, scale=None, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads
        self.scale = scale

    def build(self, query_shape, key_shape=None, value_shape=None, bias_shape=None):
        if query_shape[-1] % self.heads:
            raise ValueError(
                f"{self.name}: {self.heads} heads do not divide "
                f"{query_shape[-1]} channels."
            )

    def call(self, query, key, value, bias=None):
        shape = ops.shape(query)
        q, k, v = (self._split_heads(x) for x in (query, key, value))
        scale = q.shape[-1] ** -0.5 if self.scale is None else self.scale
        out = dot_product_attention(q, k, v, bias, scale)
        return ops.reshape(out, (-1, *shape[1:]))

    def attention_weights(self, query, key, bias=None):
        """The attention map `(B, heads, N, M)`: each row sums to 1."""
        q, k = self._split_heads(query), self._split_heads(key)
        scale = q.shape[-1] ** -0.5 if self.scale is None else self.scale
        return ops.softmax(attention_scores(q, k, bias, scale), axis=-1)

    def _split_heads(self, x):
        x = to_tokens(x)  # (B, N, C)
        width = x.shape[-1] // self.heads
        return ops.reshape(x, (-1, ops.shape(x)[1], self.heads, width))

    def compute_output_shape(
        self, query_shape, key_shape=None, value_shape=None, bias_shape=None
    ):
        return query_shape

    def macs(self, query_shape, key_shape, value_shape, bias_shape=None):
        queries, keys = math.prod(query_shape[1:-1]), math.prod(key_shape[1:-1])
        return queries * keys * (query_shape[-1] + value_shape[-1])

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "scale": self.scale}
