"""What ends a program, in one line: errors, signals, a full disk."""

import errno
import gc
import logging
import os
import signal
import time
import warnings

import pytest

from keras_hybrid.utils.one_line_errors import REPEATS, one_line_errors

pytestmark = pytest.mark.backend_independent


def end_of(capsys, action, **arguments):
    """Exit status and standard error of a program."""
    with pytest.raises(SystemExit) as raised, one_line_errors(**arguments):
        action()
    return raised.value.code, capsys.readouterr().err


def raising(error):
    def action():
        raise error

    return action


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_unwind_and_say_how_to_go_on(number, tmp_path, capsys):
    former = signal.signal(number, signal.SIG_DFL)  # nohup ignores one

    def action():
        (tmp_path / "temporary").touch()
        try:
            os.kill(os.getpid(), number)
        finally:
            (tmp_path / "temporary").unlink()
        raise AssertionError("it goes on")

    try:
        status, said = end_of(capsys, action)
        assert status == 128 + number
        assert said == f"\nStopped by {number.name}. The same command resumes.\n"
        assert not list(tmp_path.iterdir())
        assert signal.getsignal(number) is signal.SIG_DFL
        assert REPEATS in end_of(capsys, action, after_stop=REPEATS)[1]
    finally:
        signal.signal(number, former)


@pytest.mark.parametrize(
    "number, handler",
    [
        (signal.SIGTERM, signal.SIG_DFL),
        (signal.SIGINT, signal.default_int_handler),  # a job in the background has none
    ],
)
def test_a_signal_within_a_callback_of_the_collector_is_not_lost(number, handler):
    """As in JAX, whose callback frees the memory of its arrays."""
    former = signal.signal(number, handler)

    def callback(phase, info):
        if not sent:
            sent.append(number)
            os.kill(os.getpid(), number)
            time.sleep(0.01)

    def action():
        gc.callbacks.append(callback)
        gc.collect()
        time.sleep(5)
        raise AssertionError("it goes on")

    sent = []
    try:
        with pytest.raises(SystemExit), one_line_errors():
            action()
    finally:
        gc.callbacks.remove(callback)
        signal.signal(number, former)


def test_a_signal_that_the_caller_ignores_stays_ignored():
    """As nohup does."""
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with one_line_errors():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, former)


@pytest.mark.parametrize(
    "error,line",
    [
        (OSError(errno.ENOSPC, "No space", "from", None, "to"), "to: No space: make"),
        (OSError(errno.ENOSPC, "No space"), "a file: No space: make room"),
        (OSError(errno.EFBIG, "Too large", "x"), "x: Too large: files may not grow"),
        (OSError(errno.EACCES, "Denied", "x"), "x: Denied"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "[Errno 32] Broken pipe"),
        (MemoryError(), "out of memory: no number is known"),
    ],
)
def test_errors_of_the_system(error, line, capsys):
    status, said = end_of(capsys, raising(error))
    assert status == 2 and said.startswith(f"error: {line}") and said.count("\n") == 1


def test_hints_of_matplotlib_are_no_warnings(capsys):
    log = logging.getLogger("matplotlib.font_manager")
    with one_line_errors():
        log.warning("a temporary cache directory was created")
        warnings.warn("few images", stacklevel=1)
    assert capsys.readouterr().err == "Warning: few images\n"
    assert log.getEffectiveLevel() == logging.WARNING
