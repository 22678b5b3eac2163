"""What JAX compiles is kept in the user's cache folder, unless the user says where."""

import os
import subprocess
import sys

import keras
import pytest

from keras_hybrid.utils.compilation_cache import _remove_unfinished

CODE = """
import jax
from keras_hybrid.utils.compilation_cache import keep_compiled
jax.jit(lambda x: x + 1)(1.0)  # a program may have compiled something before
print(keep_compiled())
jax.jit(lambda x: x * 2)(1.0)
"""


def kept(cache, **variables):
    """What `keep_compiled` returns in a process of its own."""
    own = {x: y for x, y in os.environ.items() if not x.startswith("JAX_")}
    own |= {"XDG_CACHE_HOME": str(cache), "KERAS_BACKEND": "jax"} | variables
    own["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, env=own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


only_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="JAX's cache")


@only_jax
def test_later_programs_find_what_was_compiled(tmp_path):
    pytest.importorskip("filelock")
    folder = kept(tmp_path)
    assert folder.startswith(str(tmp_path / "keras_hybrid" / "jax"))
    files = {x.name: x.stat().st_mtime_ns for x in os.scandir(folder)}
    compiled = {x for x in files if x.endswith("-cache")}
    assert compiled
    assert kept(tmp_path) == folder
    again = {x.name: x.stat().st_mtime_ns for x in os.scandir(folder)}
    assert all(again[name] == files[name] for name in compiled)
    assert {x for x in again if x.endswith("-cache")} == compiled


def test_what_a_killed_process_left_is_removed(tmp_path):
    for name in ("whole-cache", "whole-atime", "left-cache", "new-cache"):
        (tmp_path / name).touch()
    for name in ("whole-cache", "left-cache"):
        os.utime(tmp_path / name, (0, 0))
    _remove_unfinished(tmp_path)
    left = {x.name for x in tmp_path.iterdir()}
    assert left == {"whole-cache", "whole-atime", "new-cache"}


@only_jax
def test_the_folder_of_the_user_is_taken_and_none_is_needed(tmp_path):
    own = tmp_path / "own"
    assert kept(tmp_path / "c", JAX_COMPILATION_CACHE_DIR=str(own)) == "None"
    assert any(own.iterdir()) and not (tmp_path / "c" / "keras_hybrid").exists()
    (tmp_path / "file").touch()
    assert kept(tmp_path / "file") == "None"
