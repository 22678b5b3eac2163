"""Attention by place alone: where heads start, its scores, and how it is applied."""

import math

from keras import ops


def local_init(heads: int) -> list[list[float]]:
    """Rows w_x, w_y, w_d with which a square of heads attends like a convolution.

    Head `h1 + k * h2` of `k * k` looks `h2 - (k - 1) / 2` columns and
    `h1 - (k - 1) / 2` rows away; heads beyond the largest square have no column.
    """
    side = math.isqrt(heads)
    offsets = [2 * i - (side - 1) for i in range(side)]  # twice the centres
    return [[x for x in offsets for _ in offsets], offsets * side, [-1] * side**2]


def axis_scores(length: int, slope, curvature, dtype: str):
    """Scores `slope * d + curvature * d^2` along one axis, `(heads, length, length)`.

    Args:
        length: Places along the axis.
        slope, curvature: One number a head.
        dtype: What they are computed in.
    """
    places = ops.cast(ops.arange(length), dtype)
    offset = places[None, :] - places[:, None]  # from the query to the key
    slope, curvature = (ops.cast(x, dtype)[:, None, None] for x in (slope, curvature))
    return slope * offset + curvature * offset**2


def attend_along_axes(rows, columns, value):
    """Applies the product of a map over rows and one over columns.

    No map of all pairs of places exists: H + W products a place instead of H * W.

    Args:
        rows: `(heads, H, H)`.
        columns: `(heads, W, W)`.
        value: `(B, H, W, heads, c)`, as is the result.
    """
    rows, columns = (ops.cast(x, value.dtype) for x in (rows, columns))
    out = ops.einsum("hxi,bjihc->bjxhc", columns, value)
    return ops.einsum("hyj,bjxhc->byxhc", rows, out)
