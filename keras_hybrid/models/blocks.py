"""Pieces of a transformer block that more than one family uses."""

from keras import layers

from keras_hybrid.layers import DropPath, PositionEmbedding, activations
from keras_hybrid.layers.factories import dense


def residual(x, y, rate: float, name: str):
    """x + y, with stochastic depth on y."""
    if rate:
        y = DropPath(rate, name=f"{name}_drop_path")(y)
    return layers.Add(name=f"{name}_add")([x, y])


def mlp(x, width: int, activation, name: str, **start):
    """Two linear maps with an activation between them, back to the channels of x.

    Args:
        x: Tokens or a map.
        width: Channels between the two.
        activation: Name or function.
        name: Prefix of the layers' names.
        **start: Initializers of the linear maps.
    """
    channels = x.shape[-1]
    x = dense(width, f"{name}_expand", **start)(x)
    x = layers.Activation(activations.get(activation), name=f"{name}_activation")(x)
    return dense(channels, f"{name}_project", **start)(x)


def position_embedding(x, grid, name: str):
    """Adds a learned table to a map, or to tokens that begin with a class token.

    Raises:
        ValueError: If the height or width of `grid`, any map of theirs, is free.
    """
    size = grid.shape[1:3]
    if None in size:
        raise ValueError("A position embedding needs a fixed input_shape.")
    return PositionEmbedding(size, class_token=len(x.shape) == 3, name=name)(x)
