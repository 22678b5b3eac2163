"""GELU, exact and in the approximation that CvT was trained with."""

import keras
from keras import ops

from keras_hybrid.ops.dispatch import call, declare, register
from keras_hybrid.ops.precision import at_least_float32
from keras_hybrid.utils.typing import Tensor

_HALF_ROOT = 0.5**0.5


def gelu(x: Tensor) -> Tensor:
    """The exact GELU: x times the normal distribution's share below x.

    Below float32 it is computed in float32.

    Args:
        x: Any shape, as the result.
    """
    return call("gelu", x)


def quick_gelu(x: Tensor) -> Tensor:
    """x * sigmoid(1.702 x), an approximation of GELU. Any shape."""
    return x * ops.sigmoid(1.702 * x)


def _by_erf(x: Tensor) -> Tensor:
    """0.5 x (1 + erf(x / sqrt(2)))."""
    wide = ops.cast(x, at_least_float32(x.dtype))
    y = 0.5 * wide * (1 + ops.erf(_HALF_ROOT * wide))
    return ops.cast(y, x.dtype)


def _by_keras(x: Tensor) -> Tensor:
    """Keras' GELU, in float32 at least."""
    wide = ops.cast(x, at_least_float32(x.dtype))
    return ops.cast(ops.gelu(wide, approximate=False), x.dtype)


def _by_torch(x: Tensor) -> Tensor:
    """torch's fused GELU, which computes in float32 for every dtype."""
    return ops.gelu(x, approximate=False)


# Keras' own on JAX goes through erfc, which costs a training step of ConViT on a CPU
# 8 % more memory.
declare("gelu", _by_erf)
register("gelu", "keras", _by_keras, lambda x: keras.backend.backend() == "tensorflow")
register("gelu", "fused", _by_torch, lambda x: keras.backend.backend() == "torch")
