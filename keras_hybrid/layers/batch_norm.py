"""Batch normalization (Ioffe & Szegedy 2015, arXiv:1502.03167)."""

from typing import Any

import keras
from keras import ops

from keras_hybrid.ops import at_least_float32, batch_normalization, uses_plain
from keras_hybrid.utils.typing import Tensor


@keras.saving.register_keras_serializable("keras_hybrid")
class BatchNorm(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization`, trained by `ops.batch_normalization`.

    Same arguments as Keras' layer. In training it uses the faster form of the operation
    when normalizing the last axis with scale and shift; otherwise identical to Keras.
    """

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None
    ) -> Tensor:
        usual = self.scale and self.center and mask is None and not self.renorm
        last = self.axis in (-1, len(inputs.shape) - 1)
        trains = training and self.trainable
        if not (trains and usual and last) or uses_plain(
            "batch_normalization", inputs, self.gamma, self.beta, self.epsilon
        ):
            return super().call(inputs, training=training, mask=mask)
        dtype = at_least_float32(inputs.dtype)
        x, gamma, beta = (ops.cast(y, dtype) for y in (inputs, self.gamma, self.beta))
        axes = tuple(range(len(x.shape) - 1))
        mean, variance = ops.moments(ops.stop_gradient(x), axes)
        self._update_average(self.moving_mean, mean)
        self._update_average(self.moving_variance, variance)
        y = batch_normalization(x, gamma, beta, self.epsilon)
        return ops.cast(y, self.compute_dtype)

    def _update_average(self, average: Any, value: Tensor) -> None:
        kept = ops.cast(average, value.dtype) * self.momentum
        average.assign(kept + value * (1 - self.momentum))
