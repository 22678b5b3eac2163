"""Muon for dense and convolution kernels (Jordan et al. 2024, arXiv:2502.16982)."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_hybrid.utils.typing import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""a, b, c of one Newton-Schulz step, X <- (a I + b A + c A^2) X with A = X X^T."""


@keras.saving.register_keras_serializable("keras_hybrid")
class Muon(keras.optimizers.Muon):
    """`keras.optimizers.Muon` that also orthogonalizes convolution kernels.

    Keras gives kernels of four dimensions to AdamW. Here a kernel `(h, w, in, out)`
    is one matrix `(h * w * in, out)`. Its momentum is replaced by the nearest
    semi-orthogonal matrix, times `rms_rate * sqrt(longest side)`, which has the size of
    an AdamW update: learning rate and decoupled weight decay are those of AdamW.

    Biases, norms and depthwise kernels are no matrices and use AdamW at
    `adam_lr_ratio` times the learning rate. So do the variables that
    `exclude_from_muon` names: the classifier, tokens and tables.

    Args:
        learning_rate: A number or a schedule.
        **kwargs: As for `keras.optimizers.Muon`.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 4e-3,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, **kwargs)
        self._excluded_paths: set[str] = set()

    def exclude_from_muon(self, variables: Sequence[keras.Variable]) -> None:
        """Gives these variables to AdamW; before the optimizer is built."""
        if self.built:
            raise ValueError("exclude_from_muon comes before the first update.")
        self._excluded_paths |= {variable.path for variable in variables}

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        shape = tuple(variable.shape)
        if variable.path in self._excluded_paths or len(shape) not in (2, 4):
            return True
        return min(math.prod(shape[:-1]), shape[-1]) == 1 or (
            len(shape) == 4 and shape[-1] == 1
        )

    def _muon_update_step(
        self, gradient: Tensor, variable: keras.Variable, lr: Tensor, m: keras.Variable
    ) -> None:
        lr = ops.cast(lr, variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        self.assign(m, self.momentum * m + gradient)
        direction = gradient + self.momentum * m if self.nesterov else m
        matrix = ops.reshape(direction, (-1, variable.shape[-1]))
        update = orthogonalize(matrix, self.ns_steps)
        scale = (self.rms_rate or 1.0) * math.sqrt(max(matrix.shape))
        self.assign_sub(variable, lr * scale * ops.reshape(update, variable.shape))


def orthogonalize(matrix: Tensor, steps: int = 5) -> Tensor:
    """A matrix with the singular vectors of the given one and singular values near 1.

    The quintic Newton-Schulz iteration X <- (a I + b A + c A^2) X, A = X X^T, from the
    matrix over its norm. All factors P are polynomials of the first A, so they commute
    and A follows A <- P A P. The iteration runs on square matrices of the shorter side;
    the matrix itself is multiplied twice. The result is that of the published iteration
    up to rounding, for fewer products where one side is the longer.

    Args:
        matrix: `(n, m)`.
        steps: Newton-Schulz steps, 1 or more; five bring singular values above a
            hundredth of the norm to 0.7 to 1.2.

    Returns:
        `(n, m)`.
    """
    rows, columns = matrix.shape
    wide = rows <= columns
    x = matrix if wide else ops.transpose(matrix)
    x = x / (ops.sqrt(ops.sum(ops.square(x))) + 1e-7)
    gram = ops.matmul(x, ops.transpose(x))  # (n, n) of the shorter side
    a, b, c = COEFFICIENTS
    identity = ops.eye(min(rows, columns), dtype=x.dtype)
    product = None
    for step in range(steps):
        square = ops.matmul(gram, gram)
        factor = a * identity + b * gram + c * square
        product = factor if product is None else ops.matmul(factor, product)
        if step < steps - 1:
            gram = ops.matmul(ops.matmul(factor, gram), factor)
    x = ops.matmul(product, x)
    return x if wide else ops.transpose(x)
