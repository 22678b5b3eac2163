"""Python modules run as child processes, each with a Keras backend of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence


class ChildProcessFailed(RuntimeError):
    """A child process ended with an error; the message has its last line."""


def run_module(
    module: str,
    arguments: Sequence[str] = (),
    backend: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Runs `python -m module arguments...` and waits for it.

    Args:
        module: Name of the module.
        arguments: Its command line.
        backend: Keras backend of the process; None leaves this process's.
        environment: Variables to set beside those of this process.

    Returns:
        What it printed.

    Raises:
        ChildProcessFailed: If its exit status is not 0, or a signal ended it.
    """
    changed = dict(environment or {}) | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    if backend is not None:
        changed["KERAS_BACKEND"] = backend
    answer = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=os.environ | changed,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise ChildProcessFailed(failure(answer.returncode, answer.stderr))
    return answer.stdout


def failure(status: int, errors: str) -> str:
    """One line that says why a process with that exit status ended.

    Args:
        status: Its exit status; negative for a signal.
        errors: What it wrote to standard error, which may be nothing.
    """
    lines = errors.strip().splitlines()
    if status >= 0:
        return lines[-1] if lines else f"exit status {status}, without a message"
    name = signal.Signals(-status).name
    hint = " (out of memory?)" if name == "SIGKILL" else ""
    last = f"; its last line: {lines[-1]}" if lines else ""
    return f"the process was ended by {name}{hint}{last}"
