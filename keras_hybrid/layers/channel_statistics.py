"""Statistics of every channel of a map."""

import keras
from keras import ops

from keras_hybrid.utils.typing import MapShape, Shape, Tensor

_LEAST_VARIANCE, _LEAST_DEVIATION = 1e-6, 0.01


@keras.saving.register_keras_serializable("keras_hybrid")
class ChannelStatistics(keras.layers.Layer):
    """Means over the positions of a map, the same over the deviations, and their logs.

    Input shape: `(B, H, W, C)`. Output shape: `(B, 3 * C)`: all means, all means over
    standard deviations, all logarithms of standard deviations.
    """

    def call(self, x: Tensor) -> Tensor:
        mean = ops.mean(x, axis=(1, 2), keepdims=True)
        variance = ops.mean(ops.square(x - mean), axis=(1, 2))
        deviation = ops.sqrt(variance + _LEAST_VARIANCE) + _LEAST_DEVIATION
        mean = ops.squeeze(mean, (1, 2))
        return ops.concatenate([mean, mean / deviation, ops.log(deviation)], axis=-1)

    def compute_output_shape(self, input_shape: MapShape) -> Shape:
        return (input_shape[0], 3 * input_shape[-1])
