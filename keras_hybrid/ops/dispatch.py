"""Which form of an operation is taken: the one switch of the package.

An operation has one `"plain"` form, its formula in `keras.ops`, and may have faster
forms that compute the same. `register` adds a form and says where it is taken; `forms`
overrides the choice.
"""

import contextlib
import contextvars
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

PLAIN = "plain"


@dataclasses.dataclass(frozen=True)
class Form:
    """One way to compute an operation.

    Attributes:
        name: Its name.
        function: Computes the operation.
        when: Says for the operation's arguments whether this form is taken here.
    """

    name: str
    function: Callable[..., Any]
    when: Callable[..., bool]


_OPERATIONS: dict[str, list[Form]] = {}
_CHOSEN: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar(
    "keras_hybrid.ops.forms"
)
_OPEN: dict[object, Mapping[str, str]] = {}  # choices of all open scopes, in order


def register(
    operation: str,
    form: str,
    function: Callable[..., Any],
    when: Callable[..., bool] = lambda *arguments, **options: True,
) -> None:
    """Adds a form of an operation. Of all that apply, the one added last is taken.

    Args:
        operation: Name of the operation, e.g. `"depthwise_conv"`.
        form: Name of the form. The first form of an operation is `"plain"`.
        function: Takes the operation's arguments, as its `"plain"` form does.
        when: Takes the same arguments and says whether the form is taken for them on
            this backend and device.

    Raises:
        ValueError: If the operation has that form already.
    """
    known = _OPERATIONS.setdefault(operation, [])
    if form in [other.name for other in known]:
        raise ValueError(f"{operation} has a form {form!r} already.")
    known.append(Form(form, function, when))


def unregister(operation: str, form: str) -> None:
    """Removes a form that `register` added."""
    known = _OPERATIONS[operation]
    known.remove(next(other for other in known if other.name == form))


def call(operation: str, *arguments: Any, **options: Any) -> Any:
    """Computes an operation in the form that is in force."""
    return _form(operation, *arguments, **options).function(*arguments, **options)


def takes_plain(operation: str, *arguments: Any, **options: Any) -> bool:
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
    without a scope of its own takes the choice of the scope that was opened last, so
    that the replicas of `tf.distribute.MirroredStrategy`, each a thread, see the scope
    around them.

    Args:
        every: `"plain"` computes every operation as its formula, which can be
            differentiated any number of times on every backend.
        **chosen: Names of forms by operation, e.g. `depthwise_conv="native"`; see
            `list_forms`. `"auto"` restores the choice by backend and device.

    Raises:
        ValueError: If there is no such operation or form.

    Example:
        >>> with ops.forms(depthwise_conv="native"):
        ...     model.predict(images)
    """
    if every not in (None, PLAIN):
        raise ValueError(f"All operations share the form 'plain' only, not {every!r}.")
    for operation, form in chosen.items():
        _check(operation, form)
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


def _choice() -> Mapping[str, str]:
    """The chosen forms by operation, of this thread or else of the last scope."""
    others = list(_OPEN.values())[-1:] or [{}]
    return _CHOSEN.get(others[0])


def _form(operation: str, *arguments: Any, **options: Any) -> Form:
    known = _OPERATIONS[operation]
    chosen = _choice().get(operation, "auto")
    if chosen == PLAIN:
        return known[0]
    if chosen != "auto":
        return next(form for form in known if form.name == chosen)
    return next(form for form in reversed(known) if form.when(*arguments, **options))


def _check(operation: str, form: str) -> None:
    if operation not in _OPERATIONS:
        known = ", ".join(_OPERATIONS)
        raise ValueError(f"There is no operation {operation!r}; known: {known}.")
    names = [PLAIN, *(form.name for form in _OPERATIONS[operation]), "auto"]
    if form not in names:
        known = ", ".join(dict.fromkeys(names))
        raise ValueError(f"{operation} has no form {form!r}; known: {known}.")
