"""Attention rollout: all attention maps of a model as one map over the image."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_hybrid.analysis.attention_map import AttentionMap, Grid
from keras_hybrid.utils.typing import Tensor


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
    return roll_out(maps, np, "float64")


def roll_out(maps: Sequence[AttentionMap], xp: Any, dtype: str) -> Tensor:
    """`rollout` with `numpy`, or with `keras.ops` as a part of a network.

    Only a row of the product is computed, from the last layer to the first.

    Args:
        maps: As for `rollout`; the weights are arrays or tensors.
        xp: The module of the operations.
        dtype: Type of the constants.
    """
    last, grid = last_stage(maps)
    first = int(any(m.class_token for m in last))
    size = first + math.prod(grid)
    row = np.full((1, size), 0 if first else 1 / size, dtype)
    row[0, :first] = 1
    row = xp.array(row)
    for attention in reversed(last):
        start = first - int(attention.class_token)
        weights = xp.mean(attention.weights, axis=1)  # (B, N, M)
        queries = slice(start, start + weights.shape[1])
        others = np.ones((1, size), dtype)  # which attend to themselves
        others[:, queries] = 0
        spread = xp.array(_spread(attention, grid, start), dtype)
        read = xp.matmul(xp.matmul(row[:, None, queries], weights), spread)[:, 0]
        row = 0.5 * (row + row * xp.array(others) + read)  # (B, size)
    row = row[:, first:]
    row = row / xp.sum(row, axis=-1, keepdims=True)
    return xp.reshape(row, (-1, *grid))


def last_stage(maps: Sequence[AttentionMap]) -> tuple[list[AttentionMap], Grid]:
    """The maps of the last layers that share a feature map, and its grid.

    Raises:
        ValueError: If the keys of no map are positions.
    """
    last: list[AttentionMap] = []
    grid = None
    for attention in reversed(maps):
        if not attention.key_grid:
            continue
        found = attention.query_grid or attention.grid or attention.key_grid
        if grid and found != grid:
            break
        grid = found
        last.insert(0, attention)
    if not grid:
        raise ValueError("No attention map has positions as keys.")
    return last, grid


def _spread(attention: AttentionMap, grid: Grid, start: int) -> np.ndarray:
    """The share of each token of the grid in each key, `(M, start + tokens)`."""
    key_grid = attention.key_grid or grid
    class_tokens = int(attention.class_token)
    before = start + class_tokens
    spread = np.zeros((class_tokens + math.prod(key_grid), before + math.prod(grid)))
    spread[:class_tokens, start:before] = 1
    spread[class_tokens:, before:] = _shares(key_grid, grid)
    return spread


def _shares(coarse: Grid, fine: Grid) -> np.ndarray:
    """Share of each fine position in each coarse position; rows sum to 1."""
    axes = []
    for few, many in zip(coarse, fine, strict=True):
        owner = np.minimum(np.arange(many) // -(-many // few), few - 1)
        axes.append(np.arange(few)[:, None] == owner)
    shares = np.kron(*axes).astype("float64")
    return shares / shares.sum(axis=1, keepdims=True)
