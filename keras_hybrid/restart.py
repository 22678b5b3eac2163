"""A program that starts again on another backend, which Keras fixes at its import."""

import contextlib
import contextvars
import json
import os
import sys
from collections.abc import Iterator

from keras_hybrid.train.speed_trial.choice import Choice

_CHOICE = "KERAS_HYBRID_CHOICE"
"""Variable by which a process hands over why it started the next one."""
_own: contextvars.ContextVar[bool | None] = contextvars.ContextVar("own", default=None)


@contextlib.contextmanager
def command_line(own: bool) -> Iterator[None]:
    """Says for the program within whether its arguments are those of the process.

    The outermost call counts.
    """
    if _own.get() is not None:
        yield
        return
    token = _own.set(own)
    try:
        yield
    finally:
        _own.reset(token)


def may_restart() -> bool:
    """Whether the command of this process would start this program again.

    A session of Python, or a script that sets arguments itself, would be lost.
    """
    count = len(sys.argv) - 1
    same = sys.orig_argv[len(sys.orig_argv) - count :] == sys.argv[1:]
    interactive = hasattr(sys, "ps1") or "IPython" in sys.modules
    return bool(_own.get()) and same and not interactive


def restart(choice: Choice) -> None:
    """Runs the command of this process again on the chosen backend; never returns."""
    print(f"Starting again with KERAS_BACKEND={choice.backend}.", flush=True)
    sys.stderr.flush()
    text = json.dumps(choice.as_dict())
    changed = {"KERAS_BACKEND": choice.backend, _CHOICE: text}
    command = [sys.executable, *sys.orig_argv[1:]]
    os.execve(sys.executable, command, os.environ | changed)


def handed_over() -> Choice | None:
    """Why this process was started by `restart`; None if it was not.

    Child processes do not inherit it.
    """
    text = os.environ.pop(_CHOICE, "")
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return Choice.from_dict(json.loads(text))
    return None
