"""Processes of an export that the system kills: one line that says so."""

import os
import pathlib

import numpy as np
import pytest

from keras_hybrid.export import check, converter_process, runtime
from keras_hybrid.utils.subprocesses import ChildProcessFailed

pytestmark = pytest.mark.backend_independent


@pytest.fixture
def killed(tmp_path, monkeypatch) -> pathlib.Path:
    """A module on the path that kills itself without a word."""
    path = tmp_path / "killed.py"
    path.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    search = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    monkeypatch.setenv("PYTHONPATH", search)
    return path


def test_a_killed_converter(killed, tmp_path, monkeypatch):
    monkeypatch.setattr(converter_process, "CONVERTER", killed.stem)
    source, target = tmp_path / "model.keras", tmp_path / "model.onnx"
    with pytest.raises(ChildProcessFailed) as raised:
        converter_process.convert("onnx", source, target, {})
    assert str(raised.value) == (
        "Exporting to onnx failed: the process was ended by SIGKILL (out of memory?)"
    )
    assert not target.exists()


def test_a_killed_runtime(killed, tmp_path, monkeypatch):
    monkeypatch.setattr(runtime, "__file__", str(killed))
    with pytest.raises(ValueError, match=r"model.onnx cannot be run: .*SIGKILL"):
        check.run_in_subprocess(tmp_path / "model.onnx", np.zeros((1, 4, 4, 3)))
