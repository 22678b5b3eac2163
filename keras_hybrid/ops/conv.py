"""The convolution, without padding."""

import math

from keras import ops

from keras_hybrid.ops.custom_gradient import with_gradient
from keras_hybrid.ops.dense import kernel_gradient
from keras_hybrid.ops.dispatch import call, declare, jax_on_cpu, register
from keras_hybrid.ops.precision import at_least_float32
from keras_hybrid.ops.windows import window_views
from keras_hybrid.utils.typing import Tensor

POSITIONS = 1024
"""About how many output positions one matrix product of the kernel gradient sums."""


def conv(x: Tensor, kernel: Tensor, strides: int = 1) -> Tensor:
    """2D convolution.

    Args:
        x: `(B, H, W, C)`, padded already.
        kernel: `(size, size, C, C')`.
        strides: Stride along both axes.

    Returns:
        `(B, H', W', C')`.
    """
    return call("conv", x, kernel, strides)


def _plain(x: Tensor, kernel: Tensor, strides: int) -> Tensor:
    """The backend's convolution."""
    return ops.conv(x, kernel, strides, "valid", data_format="channels_last")


def _with_matmul_gradient(x: Tensor, kernel: Tensor, strides: int) -> Tensor:
    """The backend's convolution; the kernel's gradient is a sum of matrix products.

    With the upstream gradient u and windows w(x) of the input,

        dx = conv_transpose(u, kernel)
        dkernel = sum over images and positions of w(x)^T u.

    Each product takes a few images. XLA's own gradient convolves with a kernel as large
    as the map, which takes a CPU up to 2.5 times as long.
    """

    def gradient(
        inputs: tuple[Tensor, ...], output: Tensor, upstream: Tensor
    ) -> tuple[Tensor, Tensor]:
        x, kernel = inputs
        dx = _input_gradient(upstream, kernel, strides, x.shape[1:3])
        return dx, _kernel_gradient(x, upstream, kernel, strides)

    def function(x: Tensor, kernel: Tensor) -> Tensor:
        return _plain(x, kernel, strides)

    return with_gradient(function, gradient)(x, kernel)


def _input_gradient(
    upstream: Tensor, kernel: Tensor, strides: int, sides: tuple[int, int]
) -> Tensor:
    reached = [(n - 1) * strides + kernel.shape[0] for n in upstream.shape[1:3]]
    return ops.conv_transpose(
        upstream,
        kernel,
        strides,
        "valid",
        output_padding=tuple(side - n for side, n in zip(sides, reached, strict=True)),
        data_format="channels_last",
    )


def _kernel_gradient(
    x: Tensor, upstream: Tensor, kernel: Tensor, strides: int
) -> Tensor:
    batch, *positions, filters = upstream.shape
    images = _divisor(batch, most=POSITIONS // math.prod(positions))

    def add(total: Tensor, pair: tuple[Tensor, Tensor]) -> tuple[Tensor, None]:
        x, change = pair
        views = window_views(x, kernel.shape[0], strides)
        windows = ops.concatenate(list(views.values()), -1)
        return total + ops.cast(kernel_gradient(windows, change), precision), None

    precision = at_least_float32(kernel.dtype)
    zero = ops.zeros((math.prod(kernel.shape[:3]), filters), precision)
    chunks = [ops.reshape(y, (-1, images, *y.shape[1:])) for y in (x, upstream)]
    total, _ = ops.scan(add, zero, chunks)
    return ops.cast(ops.reshape(total, kernel.shape), kernel.dtype)


def _divisor(number: int, most: int) -> int:
    """The largest divisor of a number that is not above `most`, or 1."""
    return max((n for n in range(1, most + 1) if number % n == 0), default=1)


declare("conv", _plain)
register("conv", "matmul_gradient", _with_matmul_gradient, jax_on_cpu)
