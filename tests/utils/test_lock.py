"""A folder is locked against other processes, and free when its holder is killed."""

import subprocess
import sys

import pytest

from keras_hybrid.utils import lock
from keras_hybrid.utils.lock import lock_folder

pytestmark = pytest.mark.backend_independent
HOLD = (
    "import pathlib, runpy, sys, time\n"
    "lock_folder = runpy.run_path(sys.argv[3])['lock_folder']\n"  # without Keras
    "with lock_folder(pathlib.Path(sys.argv[1]), sys.argv[2] == 'shared'):\n"
    "    print('held', flush=True); time.sleep(600)"
)


def held_elsewhere(folder, kind="alone"):
    command = [sys.executable, "-c", HOLD, str(folder), kind, lock.__file__]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def end(process):
    process.kill()
    process.communicate()


def test_the_second_process_is_refused_until_the_first_is_killed(tmp_path):
    folder = tmp_path / "run"
    process = held_elsewhere(folder)
    refused = pytest.raises(ValueError, match=r"Another process is at work in .*run")
    with refused, lock_folder(folder):
        pass
    end(process)
    with lock_folder(folder):
        assert not list(folder.iterdir())


def test_processes_of_one_run_share_the_lock(tmp_path):
    process = held_elsewhere(tmp_path, "shared")
    with lock_folder(tmp_path, shared=True):
        pass
    with pytest.raises(ValueError, match="Another process"), lock_folder(tmp_path):
        pass
    end(process)


def test_folders_that_stay_empty_are_removed(tmp_path):
    with lock_folder(tmp_path / "a/b/c"):
        pass
    assert not (tmp_path / "a").exists()
    (tmp_path / "old").mkdir()
    with lock_folder(tmp_path / "old/new"):
        (tmp_path / "old/new/file").touch()
    assert (tmp_path / "old/new/file").exists()


def test_a_file_system_without_locks(tmp_path, monkeypatch, capsys):
    def fail(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("keras_hybrid.utils.lock.fcntl.flock", fail)
    with lock_folder(tmp_path):
        pass
    assert "cannot be locked here (No locks available)" in capsys.readouterr().out
