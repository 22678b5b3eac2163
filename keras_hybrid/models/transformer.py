"""Pieces of a transformer block that families share."""

from keras import layers

from keras_hybrid.layers import DropPath, PositionEmbedding
from keras_hybrid.layers.presets import dense


def residual(x, y, rate: float, name: str):
    """x + y, the branch y dropped for random samples while training."""
    if rate:
        y = DropPath(rate, name=f"{name}_drop_path")(y)
    return layers.Add(name=f"{name}_add")([x, y])


def mlp(x, ratio: float, name: str, activation="gelu"):
    """Two linear maps, `ratio` times the width between them; GELU is the exact one."""
    width = x.shape[-1]
    x = dense(int(width * ratio), f"{name}_expand")(x)
    x = layers.Activation(activation, name=f"{name}_activation")(x)
    return dense(width, f"{name}_project")(x)


def position_embedding(x, grid, name: str):
    """Adds a learned table to a map or to tokens with a class token.

    Raises:
        ValueError: If the height or width of `grid`, any map, is free.
    """
    size = grid.shape[1:3]
    if None in size:
        raise ValueError("A position embedding needs a fixed input_shape.")
    class_token = len(x.shape) == 3
    return PositionEmbedding(size, class_token, name=name)(x)
