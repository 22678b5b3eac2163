"""Functions with a hand-written gradient that can be differentiated again."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import keras

from keras_hybrid.utils.typing import Tensor

Function: TypeAlias = Callable[..., Tensor]
Gradient: TypeAlias = Callable[..., tuple[Tensor, ...]]


def with_gradient(function: Function, gradient: Gradient) -> Function:
    """Gives a function of tensors a hand-written gradient.

    The gradient is an ordinary function of tensors and is differentiated as such, so
    second and higher derivatives are those of the formulas. On JAX forward mode works,
    too: `jax.jvp`, `jax.jacfwd`, Hessian-vector products in every order of nesting, and
    `jax.vmap`. There the tangent is that of `function`, and only its transpose, the
    reverse mode, is replaced.

    Args:
        function: `(*inputs) -> output`, all of them tensors.
        gradient: `(inputs, output, upstream) -> gradients`, a gradient per input;
            `upstream` is the gradient of the output.

    Returns:
        The function `(*inputs) -> output`.
    """
    if keras.backend.backend() == "jax":
        return _on_jax(function, gradient)

    @keras.ops.custom_gradient
    def call(*inputs: Tensor) -> tuple[Tensor, Callable[..., Any]]:
        output = function(*inputs)

        def back(*arguments: Tensor, upstream: Tensor | None = None) -> Any:
            upstream = arguments[0] if upstream is None else upstream
            gradients = gradient(inputs, output, upstream)
            return gradients if len(gradients) > 1 else gradients[0]

        return output, back

    return call


def _on_jax(function: Function, gradient: Gradient) -> Function:
    import jax

    @jax.custom_jvp
    def call(*inputs: Tensor) -> Tensor:
        return function(*inputs)

    def tangent_of(*values: Tensor) -> Tensor:  # of inputs, output, input tangents
        count = len(values) // 2
        return jax.jvp(function, values[:count], values[count + 1 :])[1]

    def transpose(
        inputs: tuple[Tensor, ...], output: Tensor, upstream: Tensor
    ) -> tuple[Tensor, ...]:
        gradients = gradient(inputs, output, upstream)
        return tuple(g.astype(x.dtype) for g, x in zip(gradients, inputs, strict=True))

    @call.defjvp
    def rule(
        inputs: tuple[Tensor, ...], tangents: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor]:
        output = call(*inputs)
        tangent = _linear_primitive().bind(
            *inputs, output, *tangents, tangent_of=tangent_of, transpose=transpose
        )
        return output, tangent

    return call


@functools.cache
def _linear_primitive() -> Any:
    """A JAX primitive that is linear in its last operands, with a given transpose.

    Its operands are n inputs, the output, and n tangents. `jax.custom_derivatives.
    linear_call` does the same, but cannot be differentiated by its first operands, as
    second derivatives need.
    """
    import jax
    from jax.extend import core
    from jax.interpreters import ad, batching, mlir

    primitive = core.Primitive("keras_hybrid_linear")

    @primitive.def_impl
    def run(*values: Tensor, tangent_of: Function, transpose: Gradient) -> Tensor:
        return tangent_of(*values)

    @primitive.def_abstract_eval
    def shape_of(*values: Any, tangent_of: Function, transpose: Gradient) -> Any:
        output = values[len(values) // 2]
        return jax.core.ShapedArray(output.shape, output.dtype)

    mlir.register_lowering(primitive, mlir.lower_fun(run, multiple_results=False))
    ad.primitive_jvps[primitive] = _tangent
    ad.primitive_transposes[primitive] = _transpose
    batching.primitive_batchers[primitive] = _batch
    return primitive


def _tangent(
    values: Sequence[Tensor], changes: Sequence[Tensor], **functions: Function
) -> tuple[Tensor, Tensor]:
    """How the primitive changes with its operands."""
    import jax
    from jax.interpreters import ad

    count = len(values) // 2
    fixed, tangents = list(values[: count + 1]), values[count + 1 :]
    parts = []
    if any(type(change) is not ad.Zero for change in changes[: count + 1]):
        # by inputs and output: as the tangent's formula changes
        moves = [ad.instantiate_zeros(change) for change in changes[: count + 1]]
        formula = functions["tangent_of"]
        parts.append(jax.jvp(lambda *x: formula(*x, *tangents), fixed, moves)[1])
    if any(type(change) is not ad.Zero for change in changes[count + 1 :]):
        # by the tangents: linear
        moves = [ad.instantiate_zeros(change) for change in changes[count + 1 :]]
        parts.append(_linear_primitive().bind(*fixed, *moves, **functions))
    return _linear_primitive().bind(*values, **functions), sum(parts[1:], parts[0])


def _transpose(
    upstream: Tensor, *values: Tensor, **functions: Function
) -> list[Tensor | None]:
    """Gradients of the tangents, by the hand-written formula."""
    from jax.interpreters import ad

    count = len(values) // 2
    upstream = ad.instantiate_zeros(upstream)
    gradients = functions["transpose"](values[:count], values[count], upstream)
    found = [None] * (count + 1) + list(gradients)
    return [
        gradient if ad.is_undefined_primal(value) else None
        for gradient, value in zip(found, values, strict=True)
    ]


def _batch(
    values: Sequence[Tensor], axes: Sequence[int | None], **functions: Function
) -> tuple[Tensor, int]:
    """The primitive under `jax.vmap`: every operand gets the batch in front."""
    import jax

    pairs = list(zip(values, axes, strict=True))
    size = next(value.shape[axis] for value, axis in pairs if axis is not None)
    moved = [
        jax.numpy.broadcast_to(value, (size, *value.shape))
        if axis is None
        else jax.numpy.moveaxis(value, axis, 0)
        for value, axis in pairs
    ]
    mapped = {name: jax.vmap(function) for name, function in functions.items()}
    return _linear_primitive().bind(*moved, **mapped), 0
