"""The linear map, with gradients in the order that a CPU multiplies fastest."""

import keras
from keras import ops

from keras_hybrid.layers.backend import jax_on_cpu


@keras.saving.register_keras_serializable("keras_hybrid")
class Dense(keras.layers.Dense):
    """`keras.layers.Dense`, whose weights' gradient takes no detour on JAX's CPUs.

    There the gradient that JAX derives is a transposed product, for which XLA first
    writes a transposed copy of all that flows back; see `linear`. Elsewhere, and in
    its arguments, it is Keras' own.
    """

    def call(self, inputs, training=None):
        if not jax_on_cpu():
            return super().call(inputs, training=training)
        x = linear(inputs, ops.cast(self.kernel, inputs.dtype))
        if self.bias is not None:
            x = x + self.bias
        return x if self.activation is None else self.activation(x)


@ops.custom_gradient
def linear(x, kernel):
    """The product of `x`, `(..., C)`, and `kernel`, `(C, C')`.

    The kernel's gradient is `x^T` times what flows back, in this order.
    """

    def gradients(*arguments, upstream=None):
        upstream = arguments[0] if upstream is None else upstream
        back = ops.matmul(upstream, ops.transpose(kernel))
        return back, kernel_gradient(x, upstream)

    return ops.matmul(x, kernel), gradients


def kernel_gradient(x, upstream):
    """`x^T` times `upstream`, `(..., C)` and `(..., C')`: a kernel's gradient."""
    rows, change = (ops.reshape(y, (-1, y.shape[-1])) for y in (x, upstream))
    return ops.tensordot(rows, change, axes=[[0], [0]])
