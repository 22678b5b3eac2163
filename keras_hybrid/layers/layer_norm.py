"""Layer normalization over channels (Ba et al. 2016, arXiv:1607.06450)."""

import keras
from keras import ops

from keras_hybrid.ops import at_least_float32, layer_normalization, uses_plain
from keras_hybrid.utils.typing import Tensor


@keras.saving.register_keras_serializable("keras_hybrid")
class LayerNorm(keras.layers.LayerNormalization):
    """`keras.layers.LayerNormalization`, computed by `ops.layer_normalization`.

    Same arguments as Keras' layer. It uses the faster form of the operation when
    normalizing the last axis with scale and shift; otherwise identical to Keras.
    """

    def call(self, inputs: Tensor) -> Tensor:
        last = self.axis in ([-1], [len(inputs.shape) - 1])
        if not (last and self.scale and self.center) or uses_plain(
            "layer_normalization", inputs, self.gamma, self.beta, self.epsilon
        ):
            return super().call(inputs)
        dtype = at_least_float32(inputs.dtype)
        x, gamma, beta = (ops.cast(y, dtype) for y in (inputs, self.gamma, self.beta))
        y = layer_normalization(x, gamma, beta, self.epsilon)
        return ops.cast(y, self.compute_dtype)
