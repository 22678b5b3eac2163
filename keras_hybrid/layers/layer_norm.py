"""Layer normalisation over channels (Ba et al. 2016, arXiv:1607.06450)."""

import keras
from keras import ops

from keras_hybrid.layers.backend import jax_on_cpu


@keras.saving.register_keras_serializable("keras_hybrid")
class LayerNorm(keras.layers.LayerNormalization):
    """`keras.layers.LayerNormalization`, with its gradient in closed form.

    JAX derives the gradient through mean and variance, in several passes over all
    tokens; `normalise` writes it as one formula. It serves JAX's CPU backend, over the
    last axis with scale and shift; the rest is Keras' own, as are the arguments.
    """

    def call(self, inputs):
        last = self.axis in ([-1], [len(inputs.shape) - 1])
        if not (last and self.scale and self.center and jax_on_cpu()):
            return super().call(inputs)
        dtype = keras.backend.result_type(inputs.dtype, "float32")
        x, gamma, beta = (ops.cast(y, dtype) for y in (inputs, self.gamma, self.beta))
        return ops.cast(normalise(x, gamma, beta, self.epsilon), self.compute_dtype)


def normalise(x, gamma, beta, epsilon: float):
    """`x`, `(..., C)`, with mean 0 and variance 1 over channels, times gamma plus beta.

    With y the normalised x, s its former deviation and g = gamma times what flows back,
    the gradient of x is (g - mean(g) - y mean(g y)) / s.
    """

    @ops.custom_gradient
    def apply(x, gamma, beta):
        def gradients(*arguments, upstream=None):
            upstream = arguments[0] if upstream is None else upstream
            mean, variance = ops.moments(x, axes=[-1], keepdims=True)
            inverse = ops.rsqrt(variance + epsilon)
            y, g = (x - mean) * inverse, upstream * gamma
            back = (g - _mean(g) - y * _mean(g * y)) * inverse
            places = tuple(range(len(x.shape) - 1))
            return back, ops.sum(upstream * y, places), ops.sum(upstream, places)

        return ops.layer_normalization(x, gamma, beta, -1, epsilon), gradients

    return apply(x, gamma, beta)


def _mean(x):
    return ops.mean(x, axis=-1, keepdims=True)
