"""Processes of an export that are killed: one line, and the former files stay."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from keras_hybrid.cli import main
from keras_hybrid.export import check, converter_process, runtime
from keras_hybrid.utils.files import sha256
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


def names(folder):
    return sorted(str(x.relative_to(folder)) for x in folder.rglob("*"))


def assert_whole(folder):
    """Every exported file is the one that its card describes."""
    for card in folder.glob("*.card.json"):
        path = card.with_name(card.name.removesuffix(".card.json"))
        place = path if path.is_dir() else folder
        for name, facts in json.loads(card.read_text())["artefact"]["files"].items():
            assert sha256(place / name) == facts["sha256"], name


@pytest.mark.slow
def test_killed_at_thirty_random_moments(run, tmp_path):
    """By SIGKILL and SIGTERM in turns; the files that were there stay whole."""
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    command = [sys.executable, "-m", "keras_hybrid", "export", str(folder)]
    command += ["--formats", "litert", "onnx", "saved_model", "--overwrite"]
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.perf_counter() - began
    before, rng = names(folder), np.random.default_rng(int(began))
    for number in range(30):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(rng.uniform(0, seconds))
        process.send_signal((signal.SIGKILL, signal.SIGTERM)[number % 2])
        process.wait()
        assert_whole(folder)
        assert set(before) <= set(names(folder))
    subprocess.run(command, check=True, capture_output=True)
    assert names(folder) == before  # nothing of the killed ones is left
    main(["verify", str(folder)])
