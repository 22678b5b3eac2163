"""Layers with the constants and initialisers of the published networks."""

import math
from typing import Any

import keras

from keras_hybrid.layers.batch_norm import BatchNorm
from keras_hybrid.layers.dense import Dense
from keras_hybrid.layers.layer_norm import LayerNorm
from keras_hybrid.utils.typing import Shape, fixed


def batch_norm(name: str, epsilon: float = 1e-5, **kwargs: Any) -> BatchNorm:
    """Batch normalisation with momentum 0.9."""
    return BatchNorm(momentum=0.9, epsilon=epsilon, name=name, **kwargs)


def batch_norm_unless(without: bool, name: str, **kwargs: Any) -> keras.layers.Layer:
    """Batch normalisation, or the identity if `without`."""
    if without:
        return keras.layers.Identity(name=name, **kwargs)
    return batch_norm(name, **kwargs)


def layer_norm(name: str, epsilon: float = 1e-5, **kwargs: Any) -> LayerNorm:
    """Layer normalisation over channels."""
    return LayerNorm(epsilon=epsilon, name=name, **kwargs)


def dense(width: int, name: str, **kwargs: Any) -> Dense:
    """A dense layer over channels: kernel drawn from N(0, 0.02), bias zero."""
    start = {"kernel_initializer": keras.initializers.RandomNormal(stddev=0.02)}
    return Dense(width, name=name, **start | kwargs)


def dense_macs(input_shape: Shape, width: int) -> int:
    """Multiply-adds of a dense layer to `width` channels, for one image."""
    return math.prod(fixed(input_shape[1:])) * width


def fan_out_normal() -> keras.initializers.Initializer:
    """N(0, sqrt(2 / fan_out)), the initializer of EfficientNet's convolutions."""
    return keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")


def local_position_kernel(heads: int) -> list[list[float]]:
    """Rows w_x, w_y, w_d with which a square of heads attends like a convolution.

    Head `h1 + k * h2` of `k * k` looks `h2 - (k - 1) / 2` columns and
    `h1 - (k - 1) / 2` rows away. Heads beyond the largest square have no column.
    """
    side = math.isqrt(heads)
    offsets = [2.0 * i - (side - 1) for i in range(side)]  # twice the centres
    return [[x for x in offsets for _ in offsets], offsets * side, [-1.0] * side**2]
