"""Between maps (B, H, W, C) and tokens (B, N, C), row by row."""

from keras import ops

from keras_hybrid.utils.typing import MapShape, Tensor, TokensShape


def grid_size(x: Tensor) -> int:
    """H * W of a map: a number where the size is known, else a scalar tensor."""
    _, height, width, _ = ops.shape(x)
    return height * width


def area(height: int | None, width: int | None) -> int | None:
    """H * W of a static shape; None where a side is dynamic."""
    return None if height is None or width is None else height * width


def to_tokens(x: Tensor) -> Tensor:
    """(B, H, W, C) -> (B, H * W, C); tokens pass unchanged."""
    if len(x.shape) == 3:
        return x
    return ops.reshape(x, (-1, grid_size(x), x.shape[-1]))


def to_map(tokens: Tensor, like: Tensor) -> Tensor:
    """(B, H * W, C) -> (B, H, W, C), with H and W of the map `like`."""
    _, height, width, _ = ops.shape(like)
    return ops.reshape(tokens, (-1, height, width, tokens.shape[-1]))


def tokens_shape(shape: MapShape | TokensShape) -> TokensShape:
    """Static shape of `to_tokens`."""
    if len(shape) == 3:
        return shape
    batch, height, width, channels = shape
    return (batch, area(height, width), channels)
