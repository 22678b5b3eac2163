"""Relative position bias: a number per head for every offset between two positions."""

import math
from typing import Any

import keras
from keras import ops

from keras_hybrid.layers.composite import CompositeLayer
from keras_hybrid.layers.factories import dense
from keras_hybrid.layers.relative_offsets import axis_offsets, offset_rows, signed_log
from keras_hybrid.ops import area, resize_offsets
from keras_hybrid.utils.typing import MapShape, Shape, Tensor, fixed

SOURCES = ("table", "mlp", "constant")


@keras.saving.register_keras_serializable("keras_hybrid")
class RelativePositionBias(CompositeLayer):
    """The bias between all positions of a map; it depends on their offset alone.

    The offsets' values are a learned table, or the output of a small MLP on their
    signed logarithms (Liu et al. 2022, arXiv:2111.09883, in timm's "cr" form), which
    has nothing to resize. Both are computed once a call and spread over the pairs of
    positions by two gathers, one an axis. `"constant"` is the result of it, as
    `export.fold` leaves it, for one grid alone.

    A table saved for one grid loads into another by the rule of `resize_offsets`. A
    call with a smaller map, as in progressive resizing, reads the middle of the table.

    Args:
        heads: Number of attention heads.
        source: `"table"`, `"mlp"` or `"constant"`.
        mlp_width: Hidden width of the MLP.
        periodic: Whether the map is a torus: offsets count modulo its sides, and
            the table has a row for each of them only. Such a table cannot be
            resized.

    Input shape: a map `(B, H, W, C)` with static H and W; its values are not read.
    Output shape: `(1, heads, H * W, H * W)`, query by key.

    Raises:
        ValueError: If `source` is unknown, or H or W is dynamic (None).
    """

    def __init__(
        self,
        heads: int,
        source: str = "table",
        mlp_width: int = 512,
        periodic: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if source not in SOURCES:
            raise ValueError(f"source must be one of {SOURCES}, not {source!r}.")
        self.heads = heads
        self.source = source
        self.mlp_width = mlp_width
        self.periodic = periodic
        self.table: keras.Variable | None = None
        if source == "mlp":
            start = {
                "kernel_initializer": "glorot_uniform",
                "bias_initializer": keras.initializers.RandomNormal(stddev=1e-6),
                "dtype": self.dtype_policy,
            }
            self.mlp_expand = dense(mlp_width, "mlp_expand", activation="relu", **start)
            self.mlp_dropout = keras.layers.Dropout(
                0.125, dtype=self.dtype_policy, name="mlp_dropout"
            )
            self.mlp_project = dense(heads, "mlp_project", **start)

    def build(self, input_shape: MapShape) -> None:
        _, height, width, _ = input_shape
        if height is None or width is None:
            raise ValueError(
                f"{self.name}: a relative position bias needs a fixed height and "
                f"width, not {(height, width)}."
            )
        self.grid = (height, width)
        if self.source == "constant":
            size = height * width
            self.constant = self.add_weight(
                shape=(1, self.heads, size, size), trainable=False, name="constant"
            )
            return
        self._offsets = [axis_offsets(side, self.periodic) for side in self.grid]
        if self.source == "mlp":
            self.mlp_expand.build((None, None, 2))
            self.mlp_project.build((None, None, self.mlp_width))
            return
        self.table = self.add_weight(
            shape=(*map(len, self._offsets), self.heads),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="table",
        )

    @property
    def undecayed_variables(self) -> tuple[keras.Variable, ...]:
        """Variables without weight decay: the table, if there is one."""
        return () if self.table is None else (self.table,)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        if self.source == "constant":
            return ops.cast(self.constant, self.compute_dtype)
        height, width = fixed(x.shape[1:3])
        values = self._values(training)  # (vertical offsets, horizontal ones, heads)
        rows, columns = (
            ops.convert_to_tensor(self._rows(side, own), "int32")
            for side, own in zip((height, width), self.grid, strict=True)
        )
        bias = ops.transpose(ops.cast(values, self.compute_dtype), (2, 0, 1))
        bias = ops.take(ops.take(bias, rows, axis=1), columns, axis=2)
        bias = ops.reshape(bias, (-1, height, height, width, width))
        bias = ops.transpose(bias, (0, 1, 3, 2, 4))  # (heads, H, W, H, W)
        return ops.reshape(bias, (1, self.heads, height * width, height * width))

    def _rows(self, side: int, own: int) -> list[int]:
        """Rows of the table for an axis of `side` positions, in a table for `own`."""
        if side > own or (self.periodic and side != own):
            raise ValueError(
                f"{self.name}: the bias of {self.grid[0]}x{self.grid[1]} positions has "
                f"no entries for an axis of {side}."
            )
        return [row + own - side for row in offset_rows(side, self.periodic)]

    def _values(self, training: bool | None) -> Tensor:
        if self.source == "table":
            return self.table
        rows, columns = ([signed_log(d) for d in axis] for axis in self._offsets)
        coordinates = [[[y, x] for x in columns] for y in rows]
        coordinates = ops.convert_to_tensor(coordinates, self.compute_dtype)
        hidden = self.mlp_dropout(self.mlp_expand(coordinates), training=training)
        return self.mlp_project(hidden)

    def fit_table(self, table: Tensor) -> Tensor:
        """Resizes a table of another grid to this layer's.

        Args:
            table: Array `(2H - 1, 2W - 1, heads)`, or flat `(rows, heads)`, which is
                taken for this layer's own grid if it has as many rows, else for that
                of a square grid.

        Raises:
            ValueError: If the rows make up no grid, or the layer is periodic and
                the table of another size.
        """
        own = (len(self._offsets[0]), len(self._offsets[1]))
        if len(table.shape) == 2:
            rows = table.shape[0]
            side = math.isqrt(rows)
            sides = own if rows == math.prod(own) else (side, side)
            if math.prod(sides) != rows:
                raise ValueError(
                    f"{self.name}: {rows} offsets are of no square grid; build the "
                    "model at the size that the table was trained at."
                )
            table = ops.reshape(table, (*sides, -1))
        if tuple(table.shape[:2]) == own:
            return table
        if self.periodic:
            raise ValueError(
                f"{self.name}: a periodic table of {table.shape[0]}x{table.shape[1]} "
                f"offsets does not fit a grid of {self.grid[0]}x{self.grid[1]}."
            )
        return resize_offsets(table, own)

    def load_own_variables(self, store: dict[str, Any]) -> None:
        if self.table is None:
            return super().load_own_variables(store)
        self.table.assign(self.fit_table(store["0"][...]))

    def compute_output_shape(self, input_shape: MapShape) -> Shape:
        positions = area(*input_shape[1:3])
        return (1, self.heads, positions, positions)

    def macs(self, input_shape: MapShape) -> int:
        """Multiply-adds of a call, whatever the number of images."""
        if self.source != "mlp":
            return 0
        rows, columns = (
            len(axis_offsets(n, self.periodic)) for n in fixed(input_shape[1:3])
        )
        return rows * columns * self.mlp_width * (2 + self.heads)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "heads": self.heads,
            "source": self.source,
            "mlp_width": self.mlp_width,
            "periodic": self.periodic,
        }
