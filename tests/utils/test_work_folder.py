"""Temporary folders of killed processes are removed, those of others are not."""

import os
import subprocess
import sys

import pytest

from keras_hybrid.utils import files, work_folder
from keras_hybrid.utils.files import replace, write_atomically

pytestmark = pytest.mark.backend_independent
PROGRAM = f"""
import os, pathlib, runpy, signal, sys
open_folder = runpy.run_path("{work_folder.__file__}")["work_folder"]
with open_folder(pathlib.Path(sys.argv[1]), ".part-") as folder:
    (folder / "half").write_text("half")
    print(folder.name, flush=True)
    input()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_folders_of_killed_processes_are_removed(tmp_path):
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        name = process.stdout.readline().strip()
        write_atomically(tmp_path / "file", lambda part: part.write_text("1"))
        assert {x.name for x in tmp_path.iterdir()} == {name, "file"}  # at work
        process.stdin.write("\n")
    assert (tmp_path / name).exists()
    write_atomically(tmp_path / "file", lambda part: part.write_text("2"))
    assert [x.name for x in tmp_path.iterdir()] == ["file"]


def test_links_are_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / ".part-1").symlink_to(tmp_path / "elsewhere")
    with work_folder.work_folder(tmp_path / "here", ".part-"):
        pass
    assert (tmp_path / "elsewhere" / "file").exists()


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_folder_is_replaced(exchanges, tmp_path, monkeypatch):
    if not exchanges:
        monkeypatch.setattr(files, "_exchange", lambda *_: False)
    place = tmp_path / "saved_model"
    place.mkdir()
    (place / "old").touch()
    with work_folder.work_folder(tmp_path, ".export-") as folder:
        part = folder / place.name
        part.mkdir()
        (part / "new").touch()
        replace(part, place)
        assert len(list(folder.iterdir())) == 1  # the former one
    assert [x.name for x in place.iterdir()] == ["new"]
    assert [x.name for x in tmp_path.iterdir()] == ["saved_model"]


def test_a_kill_between_the_two_steps_loses_nothing(tmp_path, monkeypatch):
    """Where names cannot be exchanged in one."""
    lost = tmp_path / ".export-1" / f"saved_model{work_folder.FORMER}"
    lost.mkdir(parents=True)
    (lost / "old").touch()
    with work_folder.work_folder(tmp_path, ".export-"):
        assert (tmp_path / "saved_model" / "old").exists()
    assert os.listdir(tmp_path) == ["saved_model"]
