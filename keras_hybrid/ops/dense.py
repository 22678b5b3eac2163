"""The product of vectors and a kernel, as in a dense layer."""

from keras import ops

from keras_hybrid.ops.custom_gradient import with_gradient
from keras_hybrid.ops.dispatch import call, declare, jax_on_cpu, register
from keras_hybrid.utils.typing import Tensor


def dense(x: Tensor, kernel: Tensor) -> Tensor:
    """x times kernel.

    Args:
        x: `(..., C)`.
        kernel: `(C, C')`.

    Returns:
        `(..., C')`.
    """
    return call("dense", x, kernel)


def kernel_gradient(x: Tensor, upstream: Tensor) -> Tensor:
    """dkernel = x^T u, `(C, C')`, for x `(..., C)` and u `(..., C')`."""
    rows, change = (ops.reshape(y, (-1, y.shape[-1])) for y in (x, upstream))
    return ops.tensordot(rows, change, axes=[[0], [0]])


def _gradient(
    inputs: tuple[Tensor, ...], output: Tensor, upstream: Tensor
) -> tuple[Tensor, Tensor]:
    """dx = u kernel^T and dkernel = x^T u, in this order.

    JAX derives the transpose of u^T x, for which XLA on a CPU first writes a transposed
    copy of u.
    """
    x, kernel = inputs
    return ops.matmul(upstream, ops.transpose(kernel)), kernel_gradient(x, upstream)


def _ordered(x: Tensor, kernel: Tensor) -> Tensor:
    return with_gradient(ops.matmul, _gradient)(x, kernel)


declare("dense", ops.matmul)
register("dense", "ordered_gradient", _ordered, jax_on_cpu)
