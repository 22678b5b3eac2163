"""Python modules and files run as child processes, each with its own Keras backend."""

import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence


class ChildProcessFailed(RuntimeError):
    """A child process ended with an error; the message has its last line.

    Attributes:
        status: Its exit status; negative for a signal.
    """

    def __init__(self, message: str, status: int = 1):
        super().__init__(message)
        self.status = status


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
    return _run(["-m", module, *arguments], backend, environment)


def run_file(
    path: str | pathlib.Path,
    arguments: Sequence[str] = (),
    backend: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Runs `python -P path arguments...`, which imports no package around the file.

    Args, returns, raises: As `run_module`.
    """
    return _run(["-P", str(path), *arguments], backend, environment)


def _run(
    command: Sequence[str],
    backend: str | None,
    environment: Mapping[str, str] | None,
) -> str:
    changed = dict(environment or {}) | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    if backend is not None:
        changed["KERAS_BACKEND"] = backend
    ended = subprocess.run(
        [sys.executable, *command],
        env=os.environ | changed,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        message = failure(ended.returncode, ended.stderr)
        raise ChildProcessFailed(message, ended.returncode)
    return ended.stdout


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
