"""Padding of maps."""

from keras import ops

from keras_hybrid.utils.typing import Tensor

PADDING_MODES = ("zeros", "circular")


def pad_map(x: Tensor, padding: int, mode: str = "zeros") -> Tensor:
    """Adds `padding` pixels on each side of the two spatial axes of `(B, H, W, C)`.

    Args:
        x: The map.
        padding: Pixels.
        mode: `"zeros"`; `"circular"` for the opposite border's pixels; `"edge"` for
            the border's own pixels once more.
    """
    if not padding:
        return x
    if mode == "zeros":
        return ops.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    first, last = slice(None, padding), slice(-padding, None)
    near, far = (last, first) if mode == "circular" else (first, last)
    x = ops.concatenate([x[:, near], x, x[:, far]], axis=1)
    return ops.concatenate([x[:, :, near], x, x[:, :, far]], axis=2)
