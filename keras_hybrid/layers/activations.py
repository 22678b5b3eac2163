"""Activations as the networks use them."""

import keras
from keras import ops

HALF_ROOT = 0.5**0.5


@keras.saving.register_keras_serializable("keras_hybrid")
def gelu(x):
    """The exact GELU, x times the normal distribution up to x.

    It differs from Keras' own in two points: JAX goes through erfc there, which costs
    a training step of ConViT on a CPU 8 % more memory; and below float32 only torch
    computes it in float32.
    """
    if keras.backend.backend() == "torch":
        return ops.gelu(x, approximate=False)
    wide = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
    if keras.backend.backend() == "jax":
        y = 0.5 * wide * (1 + ops.erf(HALF_ROOT * wide))
    else:
        y = ops.gelu(wide, approximate=False)
    return ops.cast(y, x.dtype)


@keras.saving.register_keras_serializable("keras_hybrid")
def quick_gelu(x):
    """x * sigmoid(1.702 x), the approximation of GELU that CvT was trained with."""
    return x * ops.sigmoid(1.702 * x)


def get(name):
    """The activation of that name: these two, or Keras'; a function is itself.

    Raises:
        ValueError: If there is none.
    """
    own = {"gelu": gelu, "quick_gelu": quick_gelu}
    return own[name] if name in own else keras.activations.get(name)
