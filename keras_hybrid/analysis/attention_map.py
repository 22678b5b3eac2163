"""The attention weights of one layer, and the feature maps that they belong to."""

import dataclasses

import numpy as np

Grid = tuple[int, int]
"""Height and width of a feature map."""


@dataclasses.dataclass(frozen=True)
class AttentionMap:
    """The attention weights of one layer for a batch of images.

    Attributes:
        layer: Name of the layer.
        weights: `(B, heads, N, M)`, N queries by M keys; rows sum to 1.
        query_grid: Height and width of the queries' feature map; None if the class
            token is the only query.
        key_grid: Height and width of the keys' feature map; None if the keys are no
            positions, as in CeiT's layer-wise class attention.
        class_token: Whether the first key is a class token, and the first query where
            there is a `query_grid`.
        grid: Height and width of the layer's feature map, where the class token is the
            only query and `key_grid` is coarser; else None.
    """

    layer: str
    weights: np.ndarray
    query_grid: Grid | None
    key_grid: Grid | None
    class_token: bool
    grid: Grid | None = None

    def class_token_map(self) -> np.ndarray:
        """Attention of the class token to every patch, `(B, heads, h, w)`.

        Raises:
            ValueError: If the layer has no class token, or its keys are no positions.
        """
        if not self.class_token or not self.key_grid:
            raise ValueError(
                f"{self.layer} has no class token that attends to positions."
            )
        row = self.weights[:, :, 0, 1:]
        return row.reshape(*row.shape[:2], *self.key_grid)

    def query_map(self, row: int, column: int) -> np.ndarray:
        """Attention of one patch to every patch, `(B, heads, h, w)`.

        Args:
            row: Row of the patch in the queries' feature map.
            column: Column of the patch in the queries' feature map.

        Raises:
            ValueError: If no patch is a query of this layer, or the position lies
                outside the feature map.
        """
        (height, width), key_grid = self.patch_grids()
        if not (0 <= row < height and 0 <= column < width):
            raise ValueError(
                f"{self.layer} has {height}x{width} positions; ({row}, {column}) is "
                "outside."
            )
        weights = self.patch_weights(renormalize=False)[:, :, row * width + column]
        return weights.reshape(*weights.shape[:2], *key_grid)

    def patch_weights(self, renormalize: bool = True) -> np.ndarray:
        """Attention among patches, `(B, heads, H * W, h * w)`, without class token.

        Args:
            renormalize: Whether to divide each row by its sum, which is below 1 once
                the class token's column is removed.

        Raises:
            ValueError: If no patch is a query of this layer.
        """
        self.patch_grids()
        first = int(self.class_token)
        weights = self.weights[:, :, first:, first:]
        if renormalize and first:
            weights = weights / weights.sum(axis=-1, keepdims=True)
        return weights

    def patch_grids(self) -> tuple[Grid, Grid]:
        """`query_grid` and `key_grid` of a layer whose patches attend to patches.

        Raises:
            ValueError: If no patch is a query of this layer.
        """
        if not self.query_grid or not self.key_grid:
            raise ValueError(f"In {self.layer} no patch attends to patches.")
        return self.query_grid, self.key_grid
