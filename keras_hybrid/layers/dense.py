"""The dense layer."""

from typing import Any

import keras
from keras import ops

from keras_hybrid.ops import dense, uses_plain
from keras_hybrid.utils.typing import Shape, Tensor


@keras.saving.register_keras_serializable("keras_hybrid")
class Dense(keras.layers.Dense):
    """`keras.layers.Dense`, computed by `ops.dense`. The arguments are Keras' own.

    `enable_lora` does what it does for Keras' layer; `quantize` takes the modes
    `"int8"`, `"int4"` and `"float8"`.
    """

    def build(self, input_shape: Shape) -> None:
        policies = self.dtype_policy
        if isinstance(policies, keras.dtype_policies.DTypePolicyMap):
            # Keras' layer asks the map where it should ask for its own policy
            self._dtype_policy = policies[self.path]
        super().build(input_shape)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        if uses_plain("dense", inputs, self.kernel):
            return super().call(inputs, training=training)
        x = dense(inputs, ops.cast(self.kernel, inputs.dtype))
        if self.bias is not None:
            x = x + self.bias
        return x if self.activation is None else self.activation(x)

    def quantize(
        self, mode: str | None = None, type_check: bool = True, config: Any = None
    ) -> None:
        """Quantizes the kernel, see `keras.layers.Dense`, which skips subclasses.

        Raises:
            ValueError: If the mode is `"gptq"` or `"awq"`.
        """
        if mode in ("gptq", "awq"):
            raise ValueError(
                f"Keras calibrates {mode} on tokens of text: quantize image models to "
                "int8, int4 or float8."
            )
        super().quantize(mode, type_check=False, config=config)
