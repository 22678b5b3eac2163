"""Activations as the networks use them."""

from collections.abc import Callable

import keras

from keras_hybrid import ops
from keras_hybrid.utils.typing import Tensor


@keras.saving.register_keras_serializable("keras_hybrid")
def gelu(x: Tensor) -> Tensor:
    """The exact GELU, computed in float32 at least."""
    return ops.gelu(x)


@keras.saving.register_keras_serializable("keras_hybrid")
def quick_gelu(x: Tensor) -> Tensor:
    """x * sigmoid(1.702 x), the approximation of GELU that CvT was trained with."""
    return ops.quick_gelu(x)


def get(name: str | Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The activation of that name, from here or from Keras; functions are returned.

    Raises:
        ValueError: If there is none.
    """
    ours = {"gelu": gelu, "quick_gelu": quick_gelu}
    return ours[name] if name in ours else keras.activations.get(name)
