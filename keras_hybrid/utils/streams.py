"""Standard streams that take any text, and are there even if the caller closed them."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any


def open_streams() -> None:
    """Opens closed standard streams on the null device; others print any name.

    A file that is opened later then never gets the number of a standard stream, into
    which libraries write. What a stream's encoding lacks is printed as `\\xe9`.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the smallest free number
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            stream = open(os.devnull, "w")  # noqa: SIM115
            setattr(sys, name, stream)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


STDOUT = "standard output"
"""What the errors of `surviving_streams` name."""


def discard(stream: Any) -> None:
    """Sends what a stream has still to write, and all that follows, to nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


class _Surviving:
    """A stream whose writes do not fail when its reader is gone or its disk is full.

    Args:
        stream: The stream.
        lost: Called once, with the error; it may raise another.
    """

    def __init__(self, stream: Any, lost: Callable[[OSError], None]):
        self._stream, self._lost = stream, lost

    def write(self, text: str) -> int:
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as error:
            discard(self._stream)
            self._lost(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def surviving_streams(needed: bool) -> Iterator[None]:
    """Lets a program go on when what it prints is not read or stored any more.

    Args:
        needed: Whether the output is what the program is for, so that it ends then.

    Raises:
        BrokenPipeError: If the output is needed, and its reader is gone.
        OSError: If it is needed and cannot be written; it names standard output.
    """

    def lost(error: OSError) -> None:
        if needed:
            raise type(error)(error.errno, error.strerror, STDOUT)
        print(
            f"Warning: standard output is lost ({error.strerror}); the work goes on.",
            file=sys.stderr,
        )

    streams = sys.stdout, sys.stderr
    sys.stdout = _Surviving(sys.stdout, lost)
    sys.stderr = _Surviving(sys.stderr, lambda error: None)
    try:
        yield
        sys.stdout.flush()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        sys.stdout, sys.stderr = streams
