"""The dense layer."""

import keras
from keras import ops

from keras_hybrid.ops import dense, uses_plain
from keras_hybrid.utils.typing import Tensor


@keras.saving.register_keras_serializable("keras_hybrid")
class Dense(keras.layers.Dense):
    """`keras.layers.Dense`, computed by `ops.dense`. The arguments are Keras' own."""

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        if uses_plain("dense", inputs, self.kernel):
            return super().call(inputs, training=training)
        x = dense(inputs, ops.cast(self.kernel, inputs.dtype))
        if self.bias is not None:
            x = x + self.bias
        return x if self.activation is None else self.activation(x)
