"""Batch and layer normalization in training: (x - mean) / deviation * gamma + beta."""

import math

from keras import ops

from keras_hybrid.ops.custom_gradient import with_gradient
from keras_hybrid.ops.dispatch import call, declare, jax_on_cpu, register
from keras_hybrid.utils.typing import Tensor


def batch_normalization(
    x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float
) -> Tensor:
    """Normalizes every channel over all other axes, by its own mean and variance.

    Args:
        x: `(..., C)`, as is the result.
        gamma, beta: `(C,)`.
        epsilon: Added to the variance.
    """
    return call("batch_normalization", x, gamma, beta, epsilon)


def layer_normalization(
    x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float
) -> Tensor:
    """Normalizes every position over its channels, by its own mean and variance.

    Arguments as for `batch_normalization`.
    """
    return call("layer_normalization", x, gamma, beta, epsilon)


def _batch_plain(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float) -> Tensor:
    mean, variance = ops.moments(x, _all_but_last(x))
    return ops.batch_normalization(x, mean, variance, -1, beta, gamma, epsilon)


def _batch_closed(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float) -> Tensor:
    """The same, with its gradient as one formula.

    With n positions, the upstream gradient u, r = 1 / sqrt(variance + epsilon) and
    y = (x - mean) r, all per channel,

        dbeta = sum(u)
        dgamma = sum(u y)
        dx = gamma r (u - dbeta / n - y dgamma / n),

    the way through mean and variance included. dx is written as a u + b x + c with a, b
    and c per channel: XLA then fuses it into its uses and keeps neither y nor x - mean.
    """

    def gradient(
        inputs: tuple[Tensor, ...], output: Tensor, upstream: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        x, gamma, _ = inputs
        axes, count = _all_but_last(x), math.prod(x.shape[:-1])
        mean, variance = ops.moments(x, axes)
        inverse = ops.rsqrt(variance + epsilon)
        normal = x * inverse - mean * inverse
        dgamma = ops.sum(upstream * normal, axes)
        dbeta = ops.sum(upstream, axes)
        a = gamma * inverse
        b = -a * inverse * dgamma / count
        c = -a * dbeta / count - mean * b
        return upstream * a + x * b + c, dgamma, dbeta

    def function(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return _batch_plain(x, gamma, beta, epsilon)

    return with_gradient(function, gradient)(x, gamma, beta)


def _layer_plain(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float) -> Tensor:
    mean, variance = ops.moments(x, axes=[-1], keepdims=True)
    scale = ops.rsqrt(variance + epsilon) * gamma
    shift = -mean * scale + beta
    return x * scale + shift


def _layer_closed(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float) -> Tensor:
    """The same, with its gradient as one formula.

    With the upstream gradient u, g = gamma u, r and y as in `_batch_closed` but per
    position, and means over channels,

        dbeta = sum(u) over positions
        dgamma = sum(u y) over positions
        dx = r (g - mean(g) - y mean(g y)).
    """

    def gradient(
        inputs: tuple[Tensor, ...], output: Tensor, upstream: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        x, gamma, _ = inputs
        mean, variance = ops.moments(x, axes=[-1], keepdims=True)
        inverse = ops.rsqrt(variance + epsilon)
        y, g = (x - mean) * inverse, upstream * gamma
        dx = (g - _mean(g) - y * _mean(g * y)) * inverse
        axes = _all_but_last(x)
        return dx, ops.sum(upstream * y, axes), ops.sum(upstream, axes)

    def function(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return _layer_plain(x, gamma, beta, epsilon)

    return with_gradient(function, gradient)(x, gamma, beta)


def _mean(x: Tensor) -> Tensor:
    # ops.mean would compute a float64 mean in float32
    return ops.sum(x, axis=-1, keepdims=True) / x.shape[-1]


def _all_but_last(x: Tensor) -> tuple[int, ...]:
    return tuple(range(len(x.shape) - 1))


# JAX derives these gradients through mean and variance, in several passes over x.
declare("batch_normalization", _batch_plain)
register("batch_normalization", "closed_gradient", _batch_closed, jax_on_cpu)
declare("layer_normalization", _layer_plain)
register("layer_normalization", "closed_gradient", _layer_closed, jax_on_cpu)
