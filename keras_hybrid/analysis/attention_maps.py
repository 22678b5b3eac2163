"""Attention maps of every family, and what they say of places in the image."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_hybrid.analysis.compute import run
from keras_hybrid.layers import (
    ClassToken,
    ConvProjection,
    DotProductAttention,
    GatedPositionalAttention,
    RelativeAttention,
)
from keras_hybrid.utils.typing import Tensor

KINDS = (DotProductAttention, GatedPositionalAttention, RelativeAttention)
CLASS_ATTENTION = "lca_attention"  # CeiT's, over depths instead of places

Grid = tuple[int, int]
"""Height and width of a feature map."""


@dataclasses.dataclass(frozen=True)
class AttentionMap:
    """Where the queries of one attention layer look.

    Attributes:
        layer: Name of the layer.
        weights: `(B, heads, N, M)`, query by key; rows sum to 1.
        query_grid: Height and width of the queries' map; None if the class token
            alone asks.
        key_grid: Height and width of the keys' map; None if keys are no places.
        class_token: Whether the keys, and queries in a grid, begin with one.
    """

    layer: str
    weights: np.ndarray
    query_grid: Grid | None
    key_grid: Grid | None
    class_token: bool

    def of_class_token(self) -> np.ndarray:
        """Where the class token looks among the patches, `(B, heads, h, w)`.

        Raises:
            ValueError: If the layer has no class token, or its keys no places.
        """
        if not self.class_token or not self.key_grid:
            raise ValueError(f"{self.layer} has no class token that looks at places.")
        row = self.weights[:, :, 0, 1:]
        return row.reshape(*row.shape[:2], *self.key_grid)

    def of_place(self, row: int, column: int) -> np.ndarray:
        """Where the patch at a place of the queries' map looks, `(B, heads, h, w)`.

        Raises:
            ValueError: If no patch asks in this layer, or none at that place.
        """
        (height, width), key_grid = self.patch_grids()
        weights = self.patches(renormalise=False)
        if not (0 <= row < height and 0 <= column < width):
            raise ValueError(f"{self.layer} has {height}x{width} places.")
        weights = weights[:, :, row * width + column]
        return weights.reshape(*weights.shape[:2], *key_grid)

    def patches(self, renormalise: bool = True) -> np.ndarray:
        """Attention among patches, `(B, heads, H * W, h * w)`, without class token.

        Args:
            renormalise: Whether rows are divided by their sum, which is below 1
                where a column of the class token has been taken out.

        Raises:
            ValueError: If no patch asks in this layer.
        """
        self.patch_grids()
        first = int(self.class_token)
        weights = self.weights[:, :, first:, first:]
        if renormalise and first:
            weights = weights / weights.sum(axis=-1, keepdims=True)
        return weights

    def patch_grids(self) -> tuple[Grid, Grid]:
        """The queries' and the keys' grid of a layer in which patches ask for patches.

        Raises:
            ValueError: If no patch asks in this layer.
        """
        if not self.query_grid or not self.key_grid:
            raise ValueError(f"In {self.layer} no patch asks for patches.")
        return self.query_grid, self.key_grid


class AttentionProbe:
    """Reads the attention maps of a model, which stays as it is.

    Args:
        model: A functional model with attention layers of this package.
        layers: Names of the layers to read; None reads all of them.

    Raises:
        ValueError: If the model has none, or none of a name.

    Example:
        >>> for attention in AttentionProbe(model)(images):
        ...     print(attention.layer, attention.weights.shape)
    """

    def __init__(self, model: keras.Model, layers: Sequence[str] | None = None):
        found = attention_layers(model)
        if layers is not None:
            known = [layer.name for layer in found]
            if missing := set(layers) - set(known):
                raise ValueError(
                    f"{model.name} has no attention layer {sorted(missing)[0]!r}; it "
                    f"has: {', '.join(known)}."
                )
            found = [layer for layer in found if layer.name in layers]
        if not found:
            raise ValueError(f"{model.name} has no attention layer.")
        if None in model.input_shape[1:]:
            raise ValueError(
                f"{model.name} takes any size: build it with the input_shape to look."
            )
        self._grids = {layer.name: _grids(model, layer) for layer in found}
        self._reader = keras.Model(
            model.input,
            {
                layer.name: _Weights(layer, name=f"{layer.name}_weights")(_asked(layer))
                for layer in found
            },
        )

    def __call__(self, images: np.ndarray) -> list[AttentionMap]:
        """The maps of `(B, H, W, C)` images, in the order of the model."""
        weights = run(self._reader, images)
        return [
            AttentionMap(name, weights[name], *grids)
            for name, grids in self._grids.items()
        ]


class _Weights(keras.layers.Layer):
    """Gives the attention map of a layer, called as that layer is."""

    def __init__(self, attention: keras.Layer, **kwargs: Any):
        super().__init__(dtype=attention.dtype_policy, **kwargs)
        self.attention = attention

    def call(self, tensors: Sequence[Tensor]) -> Tensor:
        return self.attention.attention_weights(*tensors)


def _asked(layer: keras.Layer) -> list[keras.KerasTensor]:
    """Queries and keys of a layer, or the map that it makes both of."""
    return keras.tree.flatten(layer.input)[:2]


def _grids(
    model: keras.Model, layer: keras.Layer
) -> tuple[Grid | None, Grid | None, bool]:
    """`query_grid`, `key_grid` and `class_token` of a layer's `AttentionMap`."""
    queries, keys = _asked(layer)[0], _asked(layer)[-1]
    if len(queries.shape) == 4:
        return queries.shape[1:3], keys.shape[1:3], False
    if layer.name == CLASS_ATTENTION:
        return None, None, False
    whole = queries.shape[1] > 1
    tokens = (queries if whole else keys).shape[1]
    maps = [x.input.shape[1:3] for x in model.layers if isinstance(x, ClassToken)]
    grid = key_grid = next(size for size in maps if 1 + math.prod(size) == tokens)
    maker = next(x for x in model.layers[1:] if x.output is keys)
    if isinstance(maker, ConvProjection):
        key_grid = maker.compute_output_shape((None, *grid, keys.shape[-1]))[1:3]
    return grid if whole else None, key_grid, True


def attention_layers(model: keras.Model) -> list[keras.Layer]:
    """The attention layers of a model, in its order."""
    return [layer for layer in model.layers if isinstance(layer, KINDS)]


def attention_maps(
    model: keras.Model, images: np.ndarray, layers: Sequence[str] | None = None
) -> list[AttentionMap]:
    """The attention maps of a few images; see `AttentionProbe`.

    For many images read batches: a map has a number for every pair of places.
    """
    return AttentionProbe(model, layers)(images)


def class_attention(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """CeiT: how its last class token weighs those of all blocks, `(B, heads, L)`.

    Raises:
        ValueError: If the model has no layer-wise class attention.
    """
    return attention_maps(model, images, [CLASS_ATTENTION])[0].weights[:, :, 0]


def rollout(maps: Sequence[AttentionMap]) -> np.ndarray:
    """Attention rollout: how much each place reaches what the classifier reads.

    The product, over layers, of the heads' mean attention averaged with the identity
    that stands for the skip connection (Abnar and Zuidema 2020, arXiv:2005.00928,
    section 3). Read is the class token's row, or without one the rows' mean, as the
    classifier reads the mean of the map. Where the paper has no such case:

    - in a pyramid the product runs over the last layers that share a map;
    - a key that stands for several places counts for them in equal parts;
    - before the class token joins, its row is the identity's.

    Args:
        maps: What `attention_maps` gives of a whole model.

    Returns:
        `(B, H, W)`; each sums to 1.

    Raises:
        ValueError: If no map is over the positions of an image.
    """
    last, grid = _last_grid(maps)
    first = int(any(m.class_token for m in last))
    identity = np.eye(first + math.prod(grid))
    flow = identity[None]
    for attention in last:
        flow = 0.5 * (_whole(attention, grid, first) + identity) @ flow
    row = flow[:, 0, 1:] if first else flow.mean(axis=1)
    row = row / row.sum(axis=-1, keepdims=True)
    return row.reshape(-1, *grid)


def _last_grid(maps: Sequence[AttentionMap]) -> tuple[list[AttentionMap], Grid]:
    """The maps over the last grid of a model, in its order, and that grid."""
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
        raise ValueError("No map is over the positions of an image.")
    return last, grid


def _whole(attention: AttentionMap, grid: Grid, first: int) -> np.ndarray:
    """The heads' mean as a map among all tokens of the grid, `(B, T, T)`."""
    weights = attention.weights.mean(axis=1, dtype="float64")  # (B, N, M)
    own = int(attention.class_token)
    spread = np.zeros((weights.shape[-1], own + math.prod(grid)))
    spread[:own, :own] = 1
    spread[own:, own:] = _spread(attention.key_grid or grid, grid)
    whole = np.tile(np.eye(first + math.prod(grid)), (len(weights), 1, 1))
    rows = slice(first - own, first - own + weights.shape[1])
    whole[:, rows, first - own :] = weights @ spread
    return whole


def _spread(coarse: Grid, fine: Grid) -> np.ndarray:
    """Shares of the fine grid's places in each of the coarse one's, rows sum to 1."""
    axes = []
    for few, many in zip(coarse, fine, strict=True):
        owner = np.minimum(np.arange(many) // -(-many // few), few - 1)
        axes.append(np.arange(few)[:, None] == owner)
    shares = np.kron(*axes).astype("float64")
    return shares / shares.sum(axis=1, keepdims=True)
