"""The one attention core: softmax(q k^T * scale + bias) v, per head."""

import math

import keras
from keras import ops

from keras_hybrid.layers.backend import jax_on_cpu
from keras_hybrid.layers.grid import to_tokens


@keras.saving.register_keras_serializable("keras_hybrid")
class DotProductAttention(keras.layers.Layer):
    """Multi-head attention between projected queries, keys and values.

    It has no weights: what comes before and after it is the family's own. The
    backend's fused attention computes it, but for two cases in which `attend` does:
    float64, of which the fused ones are not capable, and float32 on JAX's CPU
    backend, where they take longer (`keras_hybrid.bench.attention`).

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
        dtype = self.compute_dtype
        if dtype == "float64" or (dtype == "float32" and jax_on_cpu()):
            out = attend(q, k, v, bias, scale)
        else:
            out = ops.dot_product_attention(q, k, v, bias=bias, scale=scale)
        return ops.reshape(out, (-1, *shape[1:]))

    def attention_weights(self, query, key, bias=None):
        """The attention map `(B, heads, N, M)`: each row sums to 1."""
        q, k = self._split_heads(query), self._split_heads(key)
        scale = q.shape[-1] ** -0.5 if self.scale is None else self.scale
        return ops.softmax(_scores(q, k, bias, scale), axis=-1)

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


def attend(q, k, v, bias, scale):
    """softmax(q k^T * scale + bias) v, divided by the softmax's sums last.

    The sums divide the result of every query, `d` numbers, in place of its weights,
    one a key: exact, and what XLA fuses best on a CPU.

    Args:
        q: `(B, N, heads, d)`, as is the result.
        k, v: `(B, M, heads, d)`.
        bias: None, or what broadcasts to `(B, heads, N, M)`.
        scale: Factor on the dot products.
    """
    scores = _scores(q, k, bias, scale)  # (B, heads, N, M)
    highest = ops.stop_gradient(ops.max(scores, axis=-1, keepdims=True))
    weights = ops.exp(scores - highest)
    sums = ops.sum(weights, axis=-1, keepdims=True)
    out = ops.einsum("bhnm,bmhd->bhnd", weights, v) / sums
    return ops.transpose(out, (0, 2, 1, 3))


def _scores(q, k, bias, scale):
    scores = ops.einsum("bnhd,bmhd->bhnm", q * scale, k)
    if bias is None:
        return scores
    shared = tuple(bias.shape) == (1, *scores.shape[1:])
    return add_shared(scores, bias) if shared and jax_on_cpu() else scores + bias


@ops.custom_gradient
def add_shared(x, bias):
    """`x`, `(B, ...)`, plus a bias, `(1, ...)`, whose gradient is a matrix product.

    It is the sum over the batch, which XLA takes one place after the other on a CPU.
    """

    def gradients(*arguments, upstream=None):
        upstream = arguments[0] if upstream is None else upstream
        batch = upstream.shape[0]
        ones = ops.ones((1, batch), upstream.dtype)
        total = ops.matmul(ones, ops.reshape(upstream, (batch, -1)))
        return upstream, ops.reshape(total, bias.shape)

    return x + bias, gradients
