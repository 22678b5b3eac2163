"""The maximum over windows, without padding."""

from keras import ops

from keras_hybrid.ops.custom_gradient import with_gradient
from keras_hybrid.ops.dispatch import call, declare, jax_on_cpu, jax_on_gpu, register
from keras_hybrid.ops.windows import col2im, window_views
from keras_hybrid.utils.typing import Tensor


def max_pool(x: Tensor, size: int, strides: int) -> Tensor:
    """Maximum over windows of `size` x `size` pixels.

    Args:
        x: `(B, H, W, C)`, padded already.
        size: Side of the window.
        strides: Stride along both axes.

    Returns:
        `(B, H', W', C)`.
    """
    return call("max_pool", x, size, strides)


def _plain(x: Tensor, size: int, strides: int) -> Tensor:
    """The backend's operation."""
    return ops.max_pool(x, size, strides, "valid", data_format="channels_last")


def _to_the_maximum(x: Tensor, size: int, strides: int) -> Tensor:
    """The backend's operation; the gradient goes to a window's first maximum.

        dx = col2im(u where the window's position is that of its first maximum)

    XLA's own gradient runs a window over the map for each of a pixel's coordinates on
    a CPU, and scatters on a GPU, which moves 1.7 times the bytes.
    """

    def function(x: Tensor) -> Tensor:
        return _plain(x, size, strides)

    def gradient(
        inputs: tuple[Tensor, ...], output: Tensor, upstream: Tensor
    ) -> tuple[Tensor]:
        (x,) = inputs
        winner = ops.full_like(output, -1)
        for (i, j), view in reversed(window_views(x, size, strides).items()):
            winner = ops.where(view == output, i * size + j, winner)

        def weigh(i: int, j: int, change: Tensor, winner: Tensor) -> Tensor:
            return ops.where(winner == i * size + j, change, 0)

        maps = [upstream, winner]
        return (col2im(weigh, maps, size, strides, *ops.shape(x)[1:3]),)

    return with_gradient(function, gradient)(x)


declare("max_pool", _plain)
register(
    "max_pool",
    "first_maximum",
    _to_the_maximum,
    lambda *_: jax_on_cpu() or jax_on_gpu(),
)
