"""Positional attention of GPSA (ConViT, arXiv:2103.10697, section 3).

A query at one position of a grid attends to another by

    softmax(w_x dx + w_y dy + w_d d^2),

where (dx, dy) leads from the query to the key, in tokens, and d^2 = dx^2 + dy^2.
"""

from keras import ops

from keras_hybrid.ops.dispatch import call, declare, register
from keras_hybrid.ops.precision import at_least_float32
from keras_hybrid.utils.typing import Tensor


def positional_attention(
    kernel: Tensor, bias: Tensor, gate: Tensor, value: Tensor
) -> Tensor:
    """The gated positional attention of a map to itself.

    The scores are a sum of one term per axis, so their softmax is the product of a
    softmax over rows and one over columns, and does not depend on the image.

    Args:
        kernel: `(3, heads)`: rows w_x, w_y, w_d.
        bias: `(heads,)`, added to all scores, where the softmax cancels it; published
            weights have it.
        gate: Factor of the result, `(heads,)`.
        value: `(B, H, W, heads, c)`, as is the result.
    """
    return call("positional_attention", kernel, bias, gate, value)


def axis_scores(length: int, slope: Tensor, curvature: Tensor, dtype: str) -> Tensor:
    """Scores `slope * d + curvature * d^2` along one axis, `(heads, length, length)`.

    Args:
        length: Positions along the axis.
        slope, curvature: One number per head, `(heads,)`.
        dtype: Computes in this precision.
    """
    positions = ops.cast(ops.arange(length), dtype)
    offset = positions[None, :] - positions[:, None]  # from the query to the key
    slope, curvature = (ops.cast(x, dtype)[:, None, None] for x in (slope, curvature))
    return slope * offset + curvature * offset**2


def axis_weights(
    kernel: Tensor, bias: Tensor, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """Positional attention along each axis, `(heads, H, H)` and `(heads, W, W)`.

    Its map over all positions is their product. It is computed in float32 at least.
    """
    rows, columns = _scores(kernel, bias, height, width)
    return ops.softmax(rows), ops.softmax(columns)


def position_weights(kernel: Tensor, bias: Tensor, height: int, width: int) -> Tensor:
    """Positional attention over all pairs of positions, `(heads, N, N)`."""
    rows, columns = _scores(kernel, bias, height, width)
    scores = rows[:, :, None, :, None] + columns[:, None, :, None, :]
    size = height * width
    return ops.softmax(
        ops.reshape(scores, (-1, size, size))
    )  # from (heads, H, W, H, W)


def attend_along_axes(rows: Tensor, columns: Tensor, value: Tensor) -> Tensor:
    """Applies the product of a map over rows and one over columns.

    No map of all pairs of positions exists: H + W products per position, not H * W.

    Args:
        rows: `(heads, H, H)`.
        columns: `(heads, W, W)`.
        value: `(B, H, W, heads, c)`, as is the result.
    """
    rows, columns = (ops.cast(x, value.dtype) for x in (rows, columns))
    out = ops.einsum("hxi,bjihc->bjxhc", columns, value)
    return ops.einsum("hyj,bjxhc->byxhc", rows, out)


def _scores(
    kernel: Tensor, bias: Tensor, height: int, width: int
) -> tuple[Tensor, Tensor]:
    dtype = at_least_float32(kernel.dtype)
    shift = ops.cast(bias, dtype)[:, None, None]
    rows = axis_scores(height, kernel[1], kernel[2], dtype) + shift
    return rows, axis_scores(width, kernel[0], kernel[2], dtype) + shift


def _over_all_pairs(
    kernel: Tensor, bias: Tensor, gate: Tensor, value: Tensor
) -> Tensor:
    """The formula: one map of all pairs of positions, shared by the batch."""
    _, height, width, heads, channels = ops.shape(value)
    weights = gate[:, None, None] * position_weights(kernel, bias, height, width)
    v = ops.reshape(value, (-1, height * width, heads, channels))
    out = ops.einsum("hnm,bmhc->bnhc", ops.cast(weights, v.dtype), v)
    return ops.reshape(out, (-1, height, width, heads, channels))


def _separable(kernel: Tensor, bias: Tensor, gate: Tensor, value: Tensor) -> Tensor:
    """Along columns, then along rows."""
    _, height, width, _, _ = ops.shape(value)
    rows, columns = axis_weights(kernel, bias, height, width)
    return attend_along_axes(gate[:, None, None] * rows, columns, value)


declare("positional_attention", _over_all_pairs)
register("positional_attention", "separable", _separable)
