"""Attention rollout: all attention maps of a model as one map over the image."""

import math
from collections.abc import Sequence

import numpy as np

from keras_hybrid.analysis.attention_map import AttentionMap, Grid


def rollout(maps: Sequence[AttentionMap]) -> np.ndarray:
    """Attention rollout: the share of each position in what the classifier reads.

    It is the product over the layers of `(A + I) / 2`, where `A` is the mean attention
    of the heads and the identity `I` stands for the skip connection (Abnar and Zuidema
    2020, arXiv:2005.00928, section 3). The result is the class token's row. Without a
    class token it is the mean of the rows, because the classifier then reads the mean
    of the feature map. The paper leaves three cases open:

    - In a pyramid the product runs over the last layers that share a feature map.
    - The weight of a key that stands for several positions is divided equally among
      them.
    - In layers before the class token is added, its row is that of the identity.

    Args:
        maps: What `attention_maps` returns for a whole model.

    Returns:
        `(B, H, W)`; each map sums to 1.

    Raises:
        ValueError: If the keys of no map are positions.
    """
    last, grid = _last_stage(maps)
    first = int(any(m.class_token for m in last))
    identity = np.eye(first + math.prod(grid))
    product = identity[None]
    for attention in last:
        product = 0.5 * (_square(attention, grid, first) + identity) @ product
    row = product[:, 0, 1:] if first else product.mean(axis=1)
    row = row / row.sum(axis=-1, keepdims=True)
    return row.reshape(-1, *grid)


def _last_stage(maps: Sequence[AttentionMap]) -> tuple[list[AttentionMap], Grid]:
    """The maps of the last layers that share a feature map, and its grid."""
    last: list[AttentionMap] = []
    grid = None
    for attention in reversed(maps):
        if not attention.key_grid:
            continue
        found = attention.query_grid or attention.key_grid
        if grid and found != grid:
            break
        grid = found
        last.insert(0, attention)
    if not grid:
        raise ValueError("No attention map has positions as keys.")
    return last, grid


def _square(attention: AttentionMap, grid: Grid, first: int) -> np.ndarray:
    """The mean of the heads as a map among all tokens of the grid, `(B, T, T)`."""
    weights = attention.weights.mean(axis=1, dtype="float64")  # (B, N, M)
    class_tokens = int(attention.class_token)
    spread = np.zeros((weights.shape[-1], class_tokens + math.prod(grid)))
    spread[:class_tokens, :class_tokens] = 1
    spread[class_tokens:, class_tokens:] = _shares(attention.key_grid or grid, grid)
    square = np.tile(np.eye(first + math.prod(grid)), (len(weights), 1, 1))
    start = first - class_tokens
    square[:, start : start + weights.shape[1], start:] = weights @ spread
    return square


def _shares(coarse: Grid, fine: Grid) -> np.ndarray:
    """Share of each fine position in each coarse position; rows sum to 1."""
    axes = []
    for few, many in zip(coarse, fine, strict=True):
        owner = np.minimum(np.arange(many) // -(-many // few), few - 1)
        axes.append(np.arange(few)[:, None] == owner)
    shares = np.kron(*axes).astype("float64")
    return shares / shares.sum(axis=1, keepdims=True)
