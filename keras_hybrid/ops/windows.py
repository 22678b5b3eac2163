"""Views of a map under a sliding window, and the sum back into the map."""

from collections.abc import Callable, Sequence

from keras import ops

from keras_hybrid.utils.typing import Tensor


def window_views(x: Tensor, size: int, strides: int) -> dict[tuple[int, int], Tensor]:
    """The view of `(..., H, W, C)` under each position (i, j) of a sliding window.

    Args:
        x: The map.
        size: Side of the window.
        strides: Its stride.

    Returns:
        `(..., H', W', C)` by row and column within the window.
    """
    height, width = ops.shape(x)[-3:-1]
    bottom, right = height - size + 1, width - size + 1
    return {
        (i, j): x[..., i : i + bottom : strides, j : j + right : strides, :]
        for i in range(size)
        for j in range(size)
    }


def col2im(
    weigh: Callable[..., Tensor],
    maps: Sequence[Tensor],
    size: int,
    strides: int,
    height: int,
    width: int,
) -> Tensor:
    """Adds up, for every pixel, what each window over it contributes.

    It is the transpose of `window_views`. With a stride, pixels fall into
    `strides ** 2` phases, which are covered by different positions of the window. Each
    phase is a sum of shifted views without a gap, which XLA fuses into one loop.

    Args:
        weigh: `(i, j, *views) -> (B, H, W, C)`, the contribution of position (i, j) of
            the window, from shifted views of the maps.
        maps: Maps `(B, H', W', C)` over the window's positions; zeros surround them.
        size: Side of the window.
        strides: Its stride.
        height, width: Size of the map that `window_views` took.

    Returns:
        `(B, height, width, C)`.
    """
    reach = (size - 1) // strides
    rows, columns = -(-height // strides), -(-width // strides)
    padded = [_pad(y, reach, rows, columns) for y in maps]

    def view(y: Tensor, i: int, j: int) -> Tensor:
        top, left = reach - i // strides, reach - j // strides
        return y[:, top : top + rows, left : left + columns]

    def phase(row: int, column: int) -> Tensor:
        parts = [
            weigh(i, j, *(view(y, i, j) for y in padded))
            for i in range(row, size, strides)
            for j in range(column, size, strides)
        ]
        return sum(parts) if parts else ops.zeros_like(view(padded[0], 0, 0))

    phases = [phase(*divmod(k, strides)) for k in range(strides**2)]
    if strides == 1:
        return phases[0]
    channels = maps[0].shape[-1]
    x = ops.stack(phases, axis=3)  # (B, rows, columns, phases, C)
    x = ops.reshape(x, (-1, rows, columns, strides, strides, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    x = ops.reshape(x, (-1, rows * strides, columns * strides, channels))
    return x[:, :height, :width]


def _pad(y: Tensor, reach: int, rows: int, columns: int) -> Tensor:
    below, right = max(0, rows - y.shape[1]), max(0, columns - y.shape[2])
    return ops.pad(y, ((0, 0), (reach, below), (reach, right), (0, 0)))
