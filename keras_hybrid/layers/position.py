"""Learned absolute position embedding that follows the image size at load."""

import math
from typing import Any

import keras
from keras import ops

from keras_hybrid.ops import resize_grid
from keras_hybrid.utils.typing import MapShape, Tensor, TokensShape


@keras.saving.register_keras_serializable("keras_hybrid")
class PositionEmbedding(keras.layers.Layer):
    """Adds a learned vector to every position of a grid.

    Weights saved for one grid load into another: the table is resized with the
    bicubic rule of `resize_grid`, a class token's row is kept.

    Args:
        grid: Height and width of the grid, in tokens.
        class_token: Whether the tokens begin with a class token, which then has
            a row in the table.

    Input shape: a map `(B, H, W, C)`, or tokens `(B, H * W, C)`, or with a class
    token `(B, 1 + H * W, C)`. Output shape: the same.
    """

    def __init__(self, grid: tuple[int, int], class_token: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        height, width = grid  # a list in a saved model
        self.grid = (height, width)
        self.class_token = class_token

    def build(self, input_shape: MapShape | TokensShape) -> None:
        self.table = self.add_weight(
            shape=(1, self.class_token + math.prod(self.grid), input_shape[-1]),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="table",
        )

    @property
    def undecayed_variables(self) -> tuple[keras.Variable, ...]:
        """Variables without weight decay, as all embeddings."""
        return (self.table,)

    def call(self, x: Tensor) -> Tensor:
        table = ops.cast(self.table, x.dtype)
        if len(x.shape) == 4:
            table = ops.reshape(table, (1, *self.grid, x.shape[-1]))
        return x + table

    def compute_output_shape(
        self, input_shape: MapShape | TokensShape
    ) -> MapShape | TokensShape:
        return input_shape

    def fit_table(self, table: Tensor, grid: tuple[int, int] | None = None) -> Tensor:
        """Resizes a table `(1, N, C)` of another grid to this layer's.

        Args:
            table: Array, with a first row for the class token if the layer has one.
            grid: Its height and width; None takes a square where that is the only
                grid that fits.

        Raises:
            ValueError: If the number of rows does not make up the grid, or does not
                tell it.
        """
        rows = table.shape[1] - self.class_token
        grid = grid or self._square(rows)
        if math.prod(grid) != rows:
            raise ValueError(
                f"{self.name}: {rows} positions are no {grid[0]}x{grid[1]} grid."
            )
        if grid == self.grid:
            return table
        first, patches = table[:, : self.class_token], table[:, self.class_token :]
        patches = ops.reshape(patches, (*grid, -1))
        patches = ops.reshape(
            resize_grid(patches, self.grid), (1, math.prod(self.grid), -1)
        )
        return ops.concatenate([first, patches], axis=1)

    def _square(self, rows: int) -> tuple[int, int]:
        """The square grid of that many rows, unless one of the layer's shape has them.

        Raises:
            ValueError: If there is no such square, or a rectangle of the layer's aspect
                ratio has as many rows.
        """
        side = math.isqrt(rows)
        common = math.gcd(*self.grid)
        height, width = (x // common for x in self.grid)
        scale = math.isqrt(rows // (height * width))
        alike = height != width and scale**2 * height * width == rows
        if side**2 == rows and not alike:
            return side, side
        near = [x for x in range(side, 0, -1) if rows % x == 0][:2]
        grids = " or ".join(f"{x}x{rows // x}" for x in near)
        raise ValueError(
            f"{self.name}: {rows} positions may be a grid of {grids} or another; say "
            f"which it is with --grid, e.g. {near[-1]}x{rows // near[-1]}, or with "
            "load_torch(grid=...)."
        )

    def save_own_variables(self, store: dict[str, Any]) -> None:
        super().save_own_variables(store)
        store["grid"] = ops.convert_to_numpy(list(self.grid))

    def load_own_variables(self, store: dict[str, Any]) -> None:
        height, width = (int(side) for side in store["grid"])
        self.table.assign(self.fit_table(store["0"][...], (height, width)))

    def get_config(self) -> dict[str, Any]:
        config = {"grid": list(self.grid), "class_token": self.class_token}
        return {**super().get_config(), **config}
