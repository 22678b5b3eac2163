"""Python modules and files run as child processes, each with its own Keras backend."""

import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

_PLACE = pathlib.Path(__file__).parents[2]
"""Where this package was imported from."""
_RUN = (
    "import runpy, sys; sys.path.append(sys.argv[1]); sys.argv = sys.argv[2:]; "
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)
"""Runs a module like `python -m`, but looks into the working folder for no module."""


class ChildProcessFailed(RuntimeError):
    """A child process ended with an error; the message has its last line.

    Attributes:
        status: Its exit status; negative for a signal.
        printed: What it had written to standard output.
        timed_out: Whether it was ended because it took too long.
    """

    def __init__(
        self,
        message: str,
        status: int = 1,
        printed: str = "",
        timed_out: bool = False,
    ):
        super().__init__(message)
        self.status = status
        self.printed = printed
        self.timed_out = timed_out


def run_module(
    module: str,
    arguments: Sequence[str] = (),
    backend: str | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> str:
    """Runs `python -m module arguments...` and waits for it.

    Modules in the working folder are not imported, and this package is the one that
    this process has.

    Args:
        module: Name of the module.
        arguments: Its command line.
        backend: Keras backend of the process; None leaves this process's.
        environment: Variables to set beside those of this process.
        timeout: Seconds after which it is killed; None waits for ever.

    Returns:
        What it printed.

    Raises:
        ChildProcessFailed: If its exit status is not 0, a signal ended it, or it took
            too long.
    """
    start = ["-P", "-c", _RUN, str(_PLACE), module]
    return _run([*start, *arguments], backend, environment, timeout)


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
    timeout: float | None = None,
) -> str:
    changed = dict(environment or {}) | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    if backend is not None:
        changed["KERAS_BACKEND"] = backend
    try:
        ended = subprocess.run(
            [sys.executable, *command],
            env=os.environ | changed,
            capture_output=True,
            check=False,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as late:
        message = f"it had not ended after {timeout:.0f} seconds"
        status, printed = -signal.SIGKILL, _text(late.stdout)
        raise ChildProcessFailed(message, status, printed, True) from None
    printed = _text(ended.stdout)
    if ended.returncode:
        message = failure(ended.returncode, _text(ended.stderr))
        raise ChildProcessFailed(message, ended.returncode, printed)
    return printed


def _text(written: bytes | None) -> str:
    """What a process wrote, with the ends of lines as `\n`."""
    return (written or b"").decode(errors="replace").replace("\r\n", "\n")


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
