"""Errors, warnings and the end of a program, each said in one line."""

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator

from keras_hybrid.utils.errors import first_line
from keras_hybrid.utils.files import FULL, full_disk_cure
from keras_hybrid.utils.streams import STDOUT, open_streams, surviving_streams
from keras_hybrid.utils.termination import Terminated, termination_raises

RESUMES = "The same command resumes."
REPEATS = "The same command begins anew."


@contextlib.contextmanager
def one_line_errors(after_stop: str = RESUMES, prints: bool = False) -> Iterator[None]:
    """Turns an error that the user can fix into one line and exit code 2.

    With `KERAS_HYBRID_TRACEBACK=1` it shows the traceback instead. Warnings to the user
    are one line, too. A program that is asked to end removes its temporary files.

    Args:
        after_stop: What to do after a stop, for the line that says of it.
        prints: Whether the program is for what it prints. Any other goes on when nobody
            reads that.
    """
    open_streams()
    try:
        with (
            surviving_streams(needed=prints),
            termination_raises(),
            _user_warnings(),
        ):
            yield
    except (
        ValueError,
        TypeError,
        OSError,
        ImportError,
        RuntimeError,
        MemoryError,
    ) as error:
        if os.environ.get("KERAS_HYBRID_TRACEBACK"):
            raise
        if isinstance(error, BrokenPipeError) and error.filename == STDOUT:
            sys.exit(1)  # as of `| head`, which has what it wants
        with contextlib.suppress(OSError):  # nobody reads it
            print(f"error: {_text(error)}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(f"\nStopped. {after_stop}")
    except Terminated as error:
        with contextlib.suppress(OSError):
            print(f"\nStopped by {error}. {after_stop}", file=sys.stderr)
        sys.exit(128 + error.number)


def _text(error: Exception) -> str:
    """What the user reads of an error."""
    if isinstance(error, MemoryError):
        return f"out of memory: {str(error) or 'no number is known'}"
    if not isinstance(error, OSError):
        text = str(error)
        return first_line(error) if "Arguments received" in text else text
    place = error.filename2 or error.filename  # of a copy, the file that is written
    if error.errno in FULL:
        cure = full_disk_cure(error.errno)
        return f"{place or 'a file'}: {error.strerror}: {cure}"
    return f"{place}: {error.strerror}" if place and error.strerror else str(error)


@contextlib.contextmanager
def _user_warnings() -> Iterator[None]:
    """Prints warnings to the user as one line, and no hints on caches and fonts."""
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _one_line_warnings(warnings.showwarning)
            yield
    finally:
        log.setLevel(level)


def _one_line_warnings(former: Callable[..., None]) -> Callable[..., None]:
    """A `warnings.showwarning` that prints warnings to the user as one line."""

    def show(
        message: Warning | str,
        category: type[Warning],
        *where: object,
        **others: object,
    ) -> None:
        if issubclass(category, UserWarning):
            print(f"Warning: {message}", file=sys.stderr)
        else:
            former(message, category, *where, **others)

    return show
