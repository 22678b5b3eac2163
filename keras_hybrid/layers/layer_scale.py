"""LayerScale (Touvron et al. 2021, arXiv:2103.17239, section 2)."""

from typing import Any

import keras
from keras import ops

from keras_hybrid.utils.typing import Shape, Tensor


@keras.saving.register_keras_serializable("keras_hybrid")
class LayerScale(keras.layers.Layer):
    """Multiplies every channel of a residual branch by a learned factor.

    Args:
        init_values: What the factors begin from.

    Input shape: any, with the channels last. Output shape: the same.
    """

    def __init__(self, init_values: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.init_values = init_values

    def build(self, input_shape: Shape) -> None:
        self.gamma = self.add_weight(
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(self.init_values),
            name="gamma",
        )

    def call(self, x: Tensor) -> Tensor:
        return x * ops.cast(self.gamma, x.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "init_values": self.init_values}
