"""Batch normalisation (Ioffe & Szegedy 2015, arXiv:1502.03167)."""

import math

import keras
from keras import ops

from keras_hybrid.layers.backend import jax_on_cpu


@keras.saving.register_keras_serializable("keras_hybrid")
class BatchNorm(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization`, with its gradient in closed form.

    JAX derives the gradient through mean and variance, and keeps more than the input
    for it; `normalise` writes it as one formula. It serves training on JAX's CPU
    backend, over the last axis with scale and shift, while `closed_form` is set; the
    rest is Keras' own, as are the arguments.
    """

    closed_form = True

    def call(self, inputs, training=None, mask=None):
        usual = self.scale and self.center and mask is None and not self.renorm
        last = self.axis in (-1, len(inputs.shape) - 1)
        trains = training and self.trainable
        if not (trains and usual and last and self.closed_form and jax_on_cpu()):
            return super().call(inputs, training=training, mask=mask)
        dtype = keras.backend.result_type(inputs.dtype, "float32")
        x, gamma, beta = (ops.cast(y, dtype) for y in (inputs, self.gamma, self.beta))
        mean, variance = ops.moments(ops.stop_gradient(x), _places(x))
        self._move(self.moving_mean, mean)
        self._move(self.moving_variance, variance)
        y = normalise(x, gamma, beta, mean, variance, self.epsilon)
        return ops.cast(y, self.compute_dtype)

    def _move(self, average, value):
        kept = ops.cast(average, value.dtype) * self.momentum
        average.assign(kept + value * (1 - self.momentum))


def normalise(x, gamma, beta, mean, variance, epsilon: float):
    """`x`, `(..., C)`, less its mean, over its deviation, times gamma plus beta.

    With y the normalised x, s its former deviation, n its places and u what flows back,
    the gradient of x is gamma / s (u - sum(u) / n - y sum(u y) / n), the way through
    mean and variance included. It is written as a line in u and x for each channel:
    XLA then fuses it into what needs it, and keeps neither y nor x - mean.

    Args:
        x: Input, `(..., C)`.
        gamma, beta: `(C,)`.
        mean, variance: Those of x over all axes but the last, `(C,)`.
        epsilon: Added to the variance.
    """

    @ops.custom_gradient
    def apply(x, gamma, beta, mean, variance):
        def gradients(*arguments, upstream=None):
            upstream = arguments[0] if upstream is None else upstream
            places, count = _places(x), math.prod(x.shape[:-1])
            inverse = ops.rsqrt(variance + epsilon)
            normal = x * inverse - mean * inverse
            to_gamma = ops.sum(upstream * normal, places)
            to_beta = ops.sum(upstream, places)
            of_upstream = gamma * inverse
            of_x = -of_upstream * inverse * to_gamma / count
            rest = -of_upstream * to_beta / count - mean * of_x
            back = upstream * of_upstream + x * of_x + rest
            return back, to_gamma, to_beta, ops.zeros_like(mean), ops.zeros_like(mean)

        y = ops.batch_normalization(x, mean, variance, -1, beta, gamma, epsilon)
        return y, gradients

    return apply(x, gamma, beta, mean, variance)


def _places(x) -> tuple[int, ...]:
    return tuple(range(len(x.shape) - 1))
