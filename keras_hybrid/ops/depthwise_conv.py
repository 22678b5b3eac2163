"""The depthwise convolution, without padding."""

from keras import ops

from keras_hybrid.ops.custom_gradient import with_gradient
from keras_hybrid.ops.dispatch import call, declare, jax_on_cpu, register
from keras_hybrid.ops.precision import at_least_float32
from keras_hybrid.ops.windows import col2im, window_views
from keras_hybrid.utils.typing import Tensor


def depthwise_conv(x: Tensor, kernel: Tensor, strides: int = 1) -> Tensor:
    """2D depthwise convolution.

    Args:
        x: `(B, H, W, C)`, padded already.
        kernel: `(size, size, C, 1)`.
        strides: Stride along both axes.

    Returns:
        `(B, H', W', C)`.
    """
    return call("depthwise_conv", x, kernel, strides)


def _plain(x: Tensor, kernel: Tensor, strides: int) -> Tensor:
    """The backend's operation, which is fast without XLA and in exported files."""
    return ops.depthwise_conv(
        x, kernel, strides=strides, padding="valid", data_format="channels_last"
    )


def _shifted(x: Tensor, kernel: Tensor, strides: int) -> Tensor:
    """The sum over a kernel's positions (i, j) of a shifted view times a weight.

    XLA fuses it into one loop, and on a CPU runs it several times as fast as its own
    depthwise convolution. With the upstream gradient u and the views x_ij,

        y = sum over (i, j) of x_ij k_ij
        dx = col2im(u k_ij)
        dk_ij = sum over images and positions of x_ij u.
    """
    size = kernel.shape[0]

    def function(x: Tensor, kernel: Tensor) -> Tensor:
        views = window_views(x, size, strides).items()
        return sum(view * kernel[i, j, :, 0] for (i, j), view in views)

    def gradient(
        inputs: tuple[Tensor, ...], output: Tensor, upstream: Tensor
    ) -> tuple[Tensor, Tensor]:
        x, kernel = inputs

        def weigh(i: int, j: int, change: Tensor) -> Tensor:
            return change * kernel[i, j, :, 0]

        dx = col2im(weigh, [upstream], size, strides, *ops.shape(x)[1:3])
        return dx, _kernel_gradient(x, upstream, kernel, strides)

    return with_gradient(function, gradient)(x, ops.cast(kernel, x.dtype))


def _kernel_gradient(
    x: Tensor, upstream: Tensor, kernel: Tensor, strides: int
) -> Tensor:
    """dk, summed image by image.

    XLA on a CPU sums a product over a whole batch of maps channel by channel, which
    takes ten times as long as adding up images and summing over positions last.
    """
    size = kernel.shape[0]
    precision = at_least_float32(x.dtype)

    def add(
        sums: list[Tensor], pair: tuple[Tensor, Tensor]
    ) -> tuple[list[Tensor], None]:
        image, change = (ops.cast(value, precision) for value in pair)
        views = window_views(image, size, strides).values()  # (H', W', C) each
        return [
            total + view * change for total, view in zip(sums, views, strict=True)
        ], None

    zeros = [ops.zeros(ops.shape(upstream)[1:], precision)] * size**2
    sums, _ = ops.scan(add, zeros, (x, upstream))
    sums = ops.stack([ops.sum(total, axis=(0, 1)) for total in sums])
    return ops.cast(ops.reshape(sums, kernel.shape), kernel.dtype)


declare("depthwise_conv", _plain)
register("depthwise_conv", "shifted", _shifted, jax_on_cpu)
