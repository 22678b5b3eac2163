"""SIGTERM and SIGHUP as an exception, so that temporary files are removed."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Terminated(BaseException):
    """The process was asked to end, e.g. by a scheduler.

    Attributes:
        number: The signal.
    """

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextlib.contextmanager
def termination_raises() -> Iterator[None]:
    """Raises `Terminated` at the first of these signals; the next one kills.

    Signals that the caller ignores, as `nohup` does, stay ignored. Threads other than
    the main one cannot catch signals, and leave them as they are. An exception that is
    raised within a callback of the garbage collector, of which JAX has one, is lost;
    then the signal is sent once more.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    former = {n: x for n, x in handlers.items() if x is signal.SIG_DFL}
    hook = sys.unraisablehook

    def stop(number: int, frame: object) -> None:
        for other in former:
            signal.signal(other, signal.SIG_DFL)
        raise Terminated(number)

    def send_again(unraisable: Any) -> None:
        if not isinstance(unraisable.exc_value, Terminated | KeyboardInterrupt):
            hook(unraisable)
            return
        number = getattr(unraisable.exc_value, "number", signal.SIGINT)
        if number in former:
            signal.signal(number, stop)
        threading.Timer(0.1, os.kill, (os.getpid(), number)).start()

    sys.unraisablehook = send_again
    for number in former:
        signal.signal(number, stop)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in former.items():
            signal.signal(number, handler)
