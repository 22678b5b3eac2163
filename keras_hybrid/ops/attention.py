"""Attention of queries to keys: softmax(q k^T * scale + bias) v, per head."""

from typing import Any

import keras
from keras import ops

from keras_hybrid.ops.custom_gradient import with_gradient
from keras_hybrid.ops.dispatch import (
    call,
    declare,
    jax_on_cpu,
    jax_on_gpu,
    register,
)
from keras_hybrid.utils.typing import Tensor

NO_WEIGHT = -3e4
"""A bias whose exponential is 0, within the range of float16."""


def dot_product_attention(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, scale: float
) -> Tensor:
    """softmax(q k^T * scale + bias) v.

    Args:
        q: `(B, N, heads, d)`, as is the result.
        k, v: `(B, M, heads, d)`.
        bias: None, or a tensor that broadcasts to `(B, heads, N, M)`.
        scale: Factor on the dot products.
    """
    return call("dot_product_attention", q, k, v, bias, scale)


def attention_scores(q: Tensor, k: Tensor, bias: Tensor | None, scale: float) -> Tensor:
    """q k^T * scale + bias, `(B, heads, N, M)`.

    Arguments as for `dot_product_attention`.
    """
    scores = ops.einsum("bnhd,bmhd->bhnm", q * scale, k)
    if bias is None:
        return scores
    shared = tuple(bias.shape) == (1, *scores.shape[1:])
    return add_shared_bias(scores, bias) if shared else scores + bias


def add_shared_bias(x: Tensor, bias: Tensor) -> Tensor:
    """x + bias, with one bias for the whole batch.

    Args:
        x: `(B, ...)`, as is the result.
        bias: `(1, ...)`.
    """
    return call("add_shared_bias", x, bias)


def _attend(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, scale: float
) -> Tensor:
    """The formula."""
    weights = ops.softmax(attention_scores(q, k, bias, scale), axis=-1)
    return ops.einsum("bhnm,bmhd->bnhd", weights, v)


def _fused(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, scale: float
) -> Tensor:
    """The backend's fused attention."""
    return ops.dot_product_attention(q, k, v, bias=bias, scale=scale)


def _fused_even(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, scale: float
) -> Tensor:
    """The backend's fused attention over even numbers of tokens.

    cuDNN's attention, as JAX calls it, has no gradient at odd numbers. One more query
    is left out of the result, and one more key has a bias that gives it no weight.
    """
    queries, keys = q.shape[1], k.shape[1]
    more_queries, more_keys = queries % 2, keys % 2
    if bias is None:
        bias = ops.zeros((1, 1, queries, keys), q.dtype)
    bias = ops.broadcast_to(bias, (*bias.shape[:2], queries, keys))
    bias = _lengthen(_lengthen(bias, 2, more_queries), 3, more_keys, NO_WEIGHT)
    q, k, v = (
        _lengthen(x, 1, count)
        for x, count in ((q, more_queries), (k, more_keys), (v, more_keys))
    )
    return _fused(q, k, v, bias, scale)[:, :queries]


def _lengthen(x: Tensor, axis: int, count: int, value: float = 0.0) -> Tensor:
    added = [(0, count if i == axis else 0) for i in range(4)]
    return ops.pad(x, added, "constant", value) if count else x


def _divide_last(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, scale: float
) -> Tensor:
    """The formula, divided by the softmax's sums at the end.

    The sums divide the `d` numbers of a query's output instead of its M weights. That
    is exact, and XLA fuses it best on a CPU.
    """
    scores = attention_scores(q, k, bias, scale)  # (B, heads, N, M)
    highest = ops.stop_gradient(ops.max(scores, axis=-1, keepdims=True))
    weights = ops.exp(scores - highest)
    sums = ops.sum(weights, axis=-1, keepdims=True)
    out = ops.einsum("bhnm,bmhd->bhnd", weights, v) / sums
    return ops.transpose(out, (0, 2, 1, 3))


def _dtype(x: Tensor) -> str:
    return keras.backend.standardize_dtype(x.dtype)


def _is_odd(q: Tensor, k: Tensor, *others: Any) -> bool:
    return any(length is not None and length % 2 for length in (q.shape[1], k.shape[1]))


# Fused attentions cannot compute in float64. Below float32 they are the faster ones on
# JAX's CPUs, too.
declare("dot_product_attention", _attend)
register("dot_product_attention", "fused", _fused, lambda q, *_: _dtype(q) != "float64")
register(
    "dot_product_attention",
    "fused_even",
    _fused_even,
    lambda q, k, *_: (
        jax_on_gpu() and _dtype(q) in ("bfloat16", "float16") and _is_odd(q, k)
    ),
)
register(
    "dot_product_attention",
    "divide_last",
    _divide_last,
    lambda q, *_: jax_on_cpu() and _dtype(q) in ("float32", "float64"),
)


def _add(x: Tensor, bias: Tensor) -> Tensor:
    return x + bias


def _add_gradient(
    inputs: tuple[Tensor, ...], output: Tensor, upstream: Tensor
) -> tuple[Tensor, Tensor]:
    """dx = u and dbias = the sum of u over the batch, as a product with ones.

    XLA on a CPU takes the sum position by position, which is slower.
    """
    _, bias = inputs
    batch = upstream.shape[0]
    ones = ops.ones((1, batch), upstream.dtype)
    total = ops.matmul(ones, ops.reshape(upstream, (batch, -1)))
    return upstream, ops.reshape(total, bias.shape)


def _add_with_matmul(x: Tensor, bias: Tensor) -> Tensor:
    return with_gradient(_add, _add_gradient)(x, bias)


declare("add_shared_bias", _add)
register("add_shared_bias", "matmul_gradient", _add_with_matmul, jax_on_cpu)
