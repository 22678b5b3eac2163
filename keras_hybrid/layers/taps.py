"""What each place of a sliding kernel sees of a map, and the way back."""

from keras import ops


def taps(x, size: int, stride: int) -> dict:
    """What each place of a kernel sees of `(..., H, W, C)`, by row and column."""
    height, width = ops.shape(x)[-3:-1]
    bottom, right = height - size + 1, width - size + 1
    return {
        (i, j): x[..., i : i + bottom : stride, j : j + right : stride, :]
        for i in range(size)
        for j in range(size)
    }


def back_to_input(weigh, seen, size: int, stride: int, height: int, width: int):
    """The sum over a kernel's places of what each one sends to the pixel that it saw.

    It is the transpose of `taps`. With a stride, pixels fall into `stride ** 2` phases,
    which are seen by different places of the kernel: each phase is a sum of shifted
    views without a gap, which XLA fuses into one loop.

    Args:
        weigh: `(i, j, *views) -> (B, H, W, C)`, what place (i, j) sends, of shifted
            views of the maps that were seen.
        seen: Maps `(B, H', W', C)` over the kernel's positions. Beyond them are zeros.
        size: Side of the kernel.
        stride: Its stride.
        height, width: Size of the map that `taps` took.
    """
    reach = (size - 1) // stride
    rows, columns = -(-height // stride), -(-width // stride)
    padded = [_pad(y, reach, rows, columns) for y in seen]

    def view(y, i, j):
        top, left = reach - i // stride, reach - j // stride
        return y[:, top : top + rows, left : left + columns]

    def phase(row, column):
        sent = [
            weigh(i, j, *(view(y, i, j) for y in padded))
            for i in range(row, size, stride)
            for j in range(column, size, stride)
        ]
        return sum(sent) if sent else ops.zeros_like(view(padded[0], 0, 0))

    phases = [phase(*divmod(k, stride)) for k in range(stride**2)]
    if stride == 1:
        return phases[0]
    channels = seen[0].shape[-1]
    x = ops.stack(phases, axis=3)  # (B, rows, columns, phases, C)
    x = ops.reshape(x, (-1, rows, columns, stride, stride, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    x = ops.reshape(x, (-1, rows * stride, columns * stride, channels))
    return x[:, :height, :width]


def _pad(y, reach: int, rows: int, columns: int):
    below, right = max(0, rows - y.shape[1]), max(0, columns - y.shape[2])
    return ops.pad(y, ((0, 0), (reach, below), (reach, right), (0, 0)))
