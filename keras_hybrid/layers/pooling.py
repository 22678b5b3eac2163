"""Max pooling with symmetric padding, the alignment of the published networks."""

from typing import Any

import keras

from keras_hybrid.ops import PADDING_MODES, max_pool, pad_map
from keras_hybrid.utils.typing import MapShape, Tensor


@keras.saving.register_keras_serializable("keras_hybrid")
class PaddedMaxPool2D(keras.layers.Layer):
    """Maximum over windows that reach `padding` pixels past every border.

    What lies beyond the border never wins: there the border is repeated, which
    leaves the maximum as it is and keeps infinities out of exported files.

    Args:
        pool_size: Side of the square window, in pixels.
        strides: Stride along both axes.
        padding_mode: `"zeros"` for nothing beyond the border, or `"circular"` for
            the opposite border's pixels.

    Input shape: `(B, H, W, C)`. Output shape: `(B, H', W', C)` with
    `H' = (H + 2 * (pool_size // 2) - pool_size) // strides + 1`.
    """

    def __init__(
        self,
        pool_size: int = 3,
        strides: int = 2,
        padding_mode: str = "zeros",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if padding_mode not in PADDING_MODES:
            raise ValueError(
                f"padding_mode must be one of {PADDING_MODES}, not {padding_mode!r}."
            )
        self.pool_size = pool_size
        self.strides = strides
        self.padding_mode = padding_mode

    def call(self, x: Tensor) -> Tensor:
        padding = self.pool_size // 2
        mode = "edge" if self.padding_mode == "zeros" else self.padding_mode
        x = pad_map(x, padding, mode)
        return max_pool(x, self.pool_size, self.strides)

    def compute_output_shape(self, input_shape: MapShape) -> MapShape:
        batch, height, width, channels = input_shape
        return (batch, self._output_size(height), self._output_size(width), channels)

    def _output_size(self, side: int | None) -> int | None:
        if side is None:
            return None
        padding = self.pool_size // 2
        return (side + 2 * padding - self.pool_size) // self.strides + 1

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding_mode": self.padding_mode,
        }
