"""Stochastic depth, per sample (Huang et al. 2016, arXiv:1603.09382)."""

from typing import Any

import keras
from keras import ops

from keras_hybrid.utils.typing import Shape, Tensor


@keras.saving.register_keras_serializable("keras_hybrid")
class DropPath(keras.layers.Layer):
    """Drops the whole residual branch of random samples while training.

    A kept sample is divided by the probability of being kept, so that the
    expectation stays what it is at inference, where the layer is the identity.

    Args:
        rate: Probability of dropping a sample's branch, in [0, 1).
        seed: Seed of the layer's random numbers; None draws one.

    Input shape: any, with the batch first. Output shape: the same.

    Raises:
        ValueError: If `rate` is outside [0, 1).
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"rate must lie in [0, 1), not {rate}.")
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x: Tensor, training: bool | None = False) -> Tensor:
        if not training or self.rate == 0.0:
            return x
        keep = 1.0 - self.rate
        shape = (ops.shape(x)[0],) + (1,) * (len(x.shape) - 1)
        draw = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        return x * ops.cast(draw < keep, x.dtype) / keep

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


def drop_path_schedule(rate: float, depth: int) -> list[float]:
    """Rates growing linearly from 0 to `rate` over `depth` blocks."""
    return [rate * i / max(depth - 1, 1) for i in range(depth)]
