"""A child process that fails says why in one line, even if it could not itself."""

import pytest

from keras_hybrid.utils.subprocesses import ChildProcessFailed, failure, run_module

pytestmark = pytest.mark.backend_independent


@pytest.fixture
def module(tmp_path):
    """Writes a module and gives the environment in which it is found."""

    def write(code):
        (tmp_path / "a_child.py").write_text(code)
        return {"PYTHONPATH": str(tmp_path)}

    return write


def test_output_and_backend(module):
    environment = module(
        "import os, sys; print(os.environ['KERAS_BACKEND'], *sys.argv[1:])"
    )
    printed = run_module("a_child", ["1", "two"], "torch", environment)
    assert printed == "torch 1 two\n"


def test_the_last_line_of_an_error(module):
    environment = module("raise ValueError('too small')")
    with pytest.raises(ChildProcessFailed, match=r"^ValueError: too small$"):
        run_module("a_child", environment=environment)


def test_killed_without_a_word(module):
    environment = module("import os; os.kill(os.getpid(), 9)")
    with pytest.raises(ChildProcessFailed, match=r"SIGKILL \(out of memory\?\)$"):
        run_module("a_child", environment=environment)


def test_ended_without_a_word(module):
    environment = module("import sys; sys.exit(3)")
    with pytest.raises(ChildProcessFailed, match="exit status 3"):
        run_module("a_child", environment=environment)


def test_killed_after_a_line():
    assert failure(-15, "loading\n") == (
        "the process was ended by SIGTERM; its last line: loading"
    )


def test_the_working_folder_is_not_searched(tmp_path, monkeypatch, module):
    environment = module("import numpy; print(numpy.__name__)")
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    for name in ("numpy", "json", "keras_hybrid", "runpy"):
        (hostile / f"{name}.py").write_text("raise SystemExit('was imported')")
    monkeypatch.chdir(hostile)
    assert run_module("a_child", environment=environment) == "numpy\n"


def test_killed_when_it_takes_too_long(module):
    code = "import time; print('one', flush=True); time.sleep(60)"
    with pytest.raises(ChildProcessFailed, match="after 1 seconds") as late:
        run_module("a_child", environment=module(code), timeout=1.2)
    assert late.value.timed_out and late.value.printed == "one\n"


def test_what_a_failed_process_had_printed(module):
    environment = module("print('one'); raise ValueError('no')")
    with pytest.raises(ChildProcessFailed) as failed:
        run_module("a_child", environment=environment, timeout=60)
    assert failed.value.printed == "one\n" and not failed.value.timed_out
