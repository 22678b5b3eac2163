"""Chooses the form in which an operation is computed.

An operation has one `"plain"` form, written with `keras.ops`, and may have faster forms
that compute the same. `declare` adds an operation, `register` adds a form and says
where it is used, and `forms` overrides the choice.
"""

import contextlib
import contextvars
import dataclasses
import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

PLAIN = "plain"
AUTO = "auto"


@dataclasses.dataclass(frozen=True)
class Form:
    """One way to compute an operation.

    Attributes:
        name: Its name.
        function: Computes the operation.
        when: Takes the operation's arguments and says whether to use this form.
    """

    name: str
    function: Callable[..., Any]
    when: Callable[..., bool]


_OPERATIONS: dict[str, list[Form]] = {}
_CHOSEN: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar(
    "keras_hybrid.ops.forms"
)
_OPEN: dict[object, Mapping[str, str]] = {}  # choices of all open scopes, in order


def declare(operation: str, plain: Callable[..., Any]) -> None:
    """Adds an operation of this package with its plain form.

    Args:
        operation: Name of the operation, e.g. `"depthwise_conv"`.
        plain: Computes the operation with `keras.ops`, on every backend.
    """
    _OPERATIONS[operation] = [Form(PLAIN, plain, _always)]


def register(
    operation: str,
    form: str,
    function: Callable[..., Any],
    when: Callable[..., bool] | None = None,
) -> None:
    """Adds a form of an operation.

    If `when` is true for several forms, the form that was registered last is used.

    Args:
        operation: An operation of this package, see `list_forms`.
        form: Name of the form.
        function: Takes the operation's arguments, as its `"plain"` form does.
        when: Takes the same arguments and says whether to use the form for them on
            this backend and device. None uses it always.

    Raises:
        ValueError: If there is no such operation, or it has that form already.

    Example:
        >>> def by_keras(x, kernel, strides):
        ...     return keras.ops.depthwise_conv(x, kernel, strides, "valid")
        >>> ops.register("depthwise_conv", "by_keras", by_keras, when=ops.jax_on_cpu)
    """
    known = _forms_of(operation)
    if form in [AUTO, *(other.name for other in known)]:
        raise ValueError(f"{operation} has a form {form!r} already.")
    known.append(Form(form, function, when or _always))


def unregister(operation: str, form: str) -> None:
    """Removes a form that `register` added.

    Raises:
        ValueError: If there is no such operation or form, or the form is the plain one.
    """
    known = _forms_of(operation)
    if form in (PLAIN, AUTO):
        raise ValueError(f"The form {form!r} of {operation} cannot be removed.")
    known.remove(_named(operation, form))


def call(operation: str, *arguments: Any, **options: Any) -> Any:
    """Computes an operation in the form that is chosen for the arguments."""
    return _form(operation, *arguments, **options).function(*arguments, **options)


def uses_plain(operation: str, *arguments: Any, **options: Any) -> bool:
    """Whether an operation would be computed in its plain form."""
    return _form(operation, *arguments, **options) is _OPERATIONS[operation][0]


def list_forms() -> dict[str, list[str]]:
    """The forms of every operation, the plain one first."""
    return {name: [form.name for form in known] for name, known in _OPERATIONS.items()}


@contextlib.contextmanager
def forms(every: str | None = None, /, **chosen: str) -> Iterator[None]:
    """Chooses the forms of operations for everything that is traced within.

    A function that was compiled before keeps its forms, and one that is compiled within
    keeps them afterwards. Scopes of several threads do not affect each other. A thread
    without a scope of its own uses the scope that was opened last, so the replicas of
    `tf.distribute.MirroredStrategy`, each a thread, use the scope around them.

    Args:
        every: `"plain"` computes every operation in its plain form, which can be
            differentiated any number of times on every backend.
        **chosen: Names of forms by operation, e.g. `depthwise_conv="plain"`; see
            `list_forms`. `"auto"` restores the choice by backend and device.

    Raises:
        ValueError: If there is no such operation or form.

    Example:
        >>> with ops.forms(depthwise_conv="shifted"):
        ...     model.predict(images)
    """
    if every not in (None, PLAIN):
        raise ValueError(f"All operations share the form 'plain' only, not {every!r}.")
    for operation, form in chosen.items():
        if form != AUTO:
            _named(operation, form)
        else:
            _forms_of(operation)
    plain = dict.fromkeys(_OPERATIONS, PLAIN) if every else {}
    choice, scope = {**_choice(), **plain, **chosen}, object()
    token = _CHOSEN.set(choice)
    _OPEN[scope] = choice
    try:
        yield
    finally:
        del _OPEN[scope]
        _CHOSEN.reset(token)


def jax_on_cpu(*arguments: Any, **options: Any) -> bool:
    """Whether the backend is JAX on CPUs, where XLA runs some forms slowly."""
    if keras.backend.backend() != "jax":
        return False
    return all(name.startswith("cpu") for name in keras.distribution.list_devices())


def jax_on_gpu(*arguments: Any, **options: Any) -> bool:
    """Whether the backend is JAX on GPUs."""
    if keras.backend.backend() != "jax":
        return False
    return any(
        name.startswith(("gpu", "cuda")) for name in keras.distribution.list_devices()
    )


def _choice() -> Mapping[str, str]:
    """The chosen forms by operation, of this thread or else of the last scope."""
    others = list(_OPEN.values())[-1:] or [{}]
    return _CHOSEN.get(others[0])


def _form(operation: str, *arguments: Any, **options: Any) -> Form:
    chosen = _choice().get(operation, AUTO)
    if chosen != AUTO:
        return _named(operation, chosen)
    known = reversed(_OPERATIONS[operation])
    return next(form for form in known if form.when(*arguments, **options))


def _always(*arguments: Any, **options: Any) -> bool:
    return True


def _forms_of(operation: str) -> list[Form]:
    if operation not in _OPERATIONS:
        near = difflib.get_close_matches(operation, _OPERATIONS, 3) or _OPERATIONS
        raise ValueError(
            f"There is no operation {operation!r}. Nearest: {', '.join(near)}."
        )
    return _OPERATIONS[operation]


def _named(operation: str, form: str) -> Form:
    known = {other.name: other for other in _forms_of(operation)}
    if form not in known:
        names = ", ".join([*known, AUTO])
        raise ValueError(f"{operation} has no form {form!r}; known: {names}.")
    return known[form]
