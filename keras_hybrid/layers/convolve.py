"""The convolution, its kernel's gradient in the order that a CPU multiplies fastest."""

import math

import keras
from keras import ops

from keras_hybrid.layers.dense import kernel_gradient
from keras_hybrid.layers.taps import taps

POSITIONS = 1024  # that one matrix product of the kernel's gradient sums over, about


def convolution(x, kernel, stride: int):
    """The backend's convolution of `(B, H, W, C)`, without padding.

    Args:
        x: `(B, H, W, C)`, padded already.
        kernel: `(size, size, C, C')`.
        stride: Along both axes.
    """
    return ops.conv(x, kernel, stride, "valid", data_format="channels_last")


def convolution_by_taps(x, kernel, stride: int):
    """`convolution`, whose kernel's gradient is a sum of matrix products.

    Each takes a few images: what the kernel saw of them, times what flows back there.
    XLA's own gradient convolves with a kernel as large as the map, which takes a CPU up
    to 2.5 times as long.
    """

    @ops.custom_gradient
    def apply(x, kernel):
        def gradients(*arguments, upstream=None):
            upstream = arguments[0] if upstream is None else upstream
            back = _to_input(upstream, kernel, stride, *x.shape[1:3])
            return back, _to_kernel(x, upstream, kernel, stride)

        return convolution(x, kernel, stride), gradients

    return apply(x, kernel)


def _to_input(upstream, kernel, stride: int, *sides: int):
    seen = [(n - 1) * stride + kernel.shape[0] for n in upstream.shape[1:3]]
    return ops.conv_transpose(
        upstream,
        kernel,
        stride,
        "valid",
        output_padding=tuple(side - n for side, n in zip(sides, seen, strict=True)),
        data_format="channels_last",
    )


def _to_kernel(x, upstream, kernel, stride: int):
    batch, *positions, filters = upstream.shape
    images = _divisor(batch, most=POSITIONS // math.prod(positions))

    def add(total, pair):
        x, change = pair
        seen = ops.concatenate(list(taps(x, kernel.shape[0], stride).values()), -1)
        return total + ops.cast(kernel_gradient(seen, change), precision), None

    precision = keras.backend.result_type(kernel.dtype, "float32")
    start = ops.zeros((math.prod(kernel.shape[:3]), filters), precision)
    pieces = [ops.reshape(y, (-1, images, *y.shape[1:])) for y in (x, upstream)]
    total, _ = ops.scan(add, start, pieces)
    return ops.cast(ops.reshape(total, kernel.shape), kernel.dtype)


def _divisor(number: int, most: int) -> int:
    """The largest divisor of a number that is not above `most`, or 1."""
    return max((n for n in range(1, most + 1) if number % n == 0), default=1)
