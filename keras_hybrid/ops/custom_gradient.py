"""Functions with a hand-written gradient that can be differentiated again."""

import functools
from collections.abc import Callable
from typing import Any

import keras

from keras_hybrid.utils.typing import Tensor


def with_gradient(
    function: Callable[..., Tensor], gradient: Callable[..., tuple[Tensor, ...]]
) -> Callable[..., Tensor]:
    """Gives a function of tensors a gradient of its own.

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


def _on_jax(
    function: Callable[..., Tensor], gradient: Callable[..., tuple[Tensor, ...]]
) -> Callable[..., Tensor]:
    import jax

    @jax.custom_jvp
    def call(*inputs: Tensor) -> Tensor:
        return function(*inputs)

    def tangent_of(*values: Tensor) -> Tensor:  # of inputs, output, input tangents
        count = len(values) // 2
        return jax.jvp(function, values[:count], values[count + 1 :])[1]

    def transpose(inputs: tuple, output: Tensor, upstream: Tensor) -> tuple:
        gradients = gradient(inputs, output, upstream)
        return tuple(g.astype(x.dtype) for g, x in zip(gradients, inputs, strict=True))

    @call.defjvp
    def rule(inputs: tuple, tangents: tuple) -> tuple[Tensor, Tensor]:
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
    def run(*values: Tensor, tangent_of: Callable, transpose: Callable) -> Tensor:
        return tangent_of(*values)

    @primitive.def_abstract_eval
    def shape_of(*values: Any, tangent_of: Callable, transpose: Callable) -> Any:
        output = values[len(values) // 2]
        return jax.core.ShapedArray(output.shape, output.dtype)

    mlir.register_lowering(primitive, mlir.lower_fun(run, multiple_results=False))

    def differentiate(values: Any, changes: Any, **functions: Callable) -> Any:
        count = len(values) // 2
        tangent = primitive.bind(*values, **functions)
        parts = []
        if any(not isinstance(change, ad.Zero) for change in changes[: count + 1]):
            # by the inputs: what the tangent's formula gives
            of_inputs = functools.partial(_with_tangents, functions["tangent_of"])
            fixed = map(ad.instantiate_zeros, changes[: count + 1])
            parts.append(
                jax.jvp(
                    lambda *inputs: of_inputs(inputs, values[count + 1 :]),
                    tuple(values[: count + 1]),
                    tuple(fixed),
                )[1]
            )
        if any(not isinstance(change, ad.Zero) for change in changes[count + 1 :]):
            # by the tangents: linear
            fixed = map(ad.instantiate_zeros, changes[count + 1 :])
            parts.append(primitive.bind(*values[: count + 1], *fixed, **functions))
        return tangent, sum(parts[1:], start=parts[0])

    def transposed(upstream: Any, *values: Any, **functions: Callable) -> list:
        count = len(values) // 2
        wanted = [ad.is_undefined_primal(value) for value in values]
        if isinstance(upstream, ad.Zero):
            upstream = ad.instantiate_zeros(upstream)
        inputs, output = tuple(values[:count]), values[count]
        gradients = functions["transpose"](inputs, output, upstream)
        found = [None] * (count + 1) + list(gradients)
        return [g if needed else None for g, needed in zip(found, wanted, strict=True)]

    def batch(values: Any, axes: Any, **functions: Callable) -> Any:
        mapped = [axis is not None for axis in axes]
        sizes = [v.shape[a] for v, a in zip(values, axes, strict=True) if a is not None]
        moved = [
            jax.numpy.moveaxis(value, axis, 0)
            if is_mapped
            else jax.numpy.broadcast_to(value, (sizes[0], *value.shape))
            for value, axis, is_mapped in zip(values, axes, mapped, strict=True)
        ]

        def transpose(inputs: tuple, output: Tensor, upstream: Tensor) -> tuple:
            return jax.vmap(functions["transpose"])(inputs, output, upstream)

        tangent = primitive.bind(
            *moved,
            tangent_of=jax.vmap(functions["tangent_of"]),
            transpose=transpose,
        )
        return tangent, 0

    ad.primitive_jvps[primitive] = differentiate
    ad.primitive_transposes[primitive] = transposed
    batching.primitive_batchers[primitive] = batch
    return primitive


def _with_tangents(tangent_of: Callable, inputs: tuple, tangents: Any) -> Tensor:
    return tangent_of(*inputs, *tangents)
