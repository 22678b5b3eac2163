"""Pieces of a transformer block that more than one family uses."""

from collections.abc import Callable

import keras
from keras import layers

from keras_hybrid.layers import DropPath, PositionEmbedding, activations
from keras_hybrid.layers.factories import dense
from keras_hybrid.utils.typing import Tensor


def residual(x: Tensor, y: Tensor, rate: float, name: str) -> Tensor:
    """x + y, with stochastic depth on y."""
    if rate:
        y = DropPath(rate, name=f"{name}_drop_path")(y)
    return layers.Add(name=f"{name}_add")([x, y])


def mlp(
    x: Tensor,
    width: int,
    activation: str | Callable[[Tensor], Tensor],
    name: str,
    **start: str | keras.initializers.Initializer,
) -> Tensor:
    """Two dense layers with an activation between them, back to the channels of x.

    Args:
        x: Tokens or a map.
        width: Channels between the two.
        activation: Name or function.
        name: Prefix of the layers' names.
        **start: Initializers of the dense layers.
    """
    channels = x.shape[-1]
    x = dense(width, f"{name}_expand", **start)(x)
    x = layers.Activation(activations.get(activation), name=f"{name}_activation")(x)
    return dense(channels, f"{name}_project", **start)(x)


def position_embedding(x: Tensor, grid: Tensor, name: str, class_token: bool) -> Tensor:
    """Adds a learned table to a map or to tokens.

    Args:
        x: A map, or tokens.
        grid: Any map of the height and width that x has, or its tokens.
        name: Name of the layer.
        class_token: Whether x are tokens that begin with a class token.

    Raises:
        ValueError: If the height or width is dynamic (None).
    """
    _, height, width, _ = grid.shape
    if height is None or width is None:
        raise ValueError("A position embedding needs a fixed input_shape.")
    return PositionEmbedding((height, width), class_token, name=name)(x)
