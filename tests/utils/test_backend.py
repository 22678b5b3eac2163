"""What happens where a backend is missing, in processes that lack it."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.backend_independent


def start(home, without, backend=None, program="-c"):
    """Imports the package in a process without some backends."""
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    environment |= {"KERAS_HOME": str(home)} | (
        {"KERAS_BACKEND": backend} if backend else {}
    )
    code = f"""
import sys
sys.modules.update(dict.fromkeys({without!r}))
sys.argv[0] = {program!r}
import keras_hybrid, keras
print(keras.backend.backend())
"""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
    )


def test_the_only_backend_is_taken_again_and_again(tmp_path):
    """The first time Keras writes tensorflow to keras.json."""
    for _ in range(2):
        done = start(tmp_path, ["tensorflow", "jax"])
        assert done.stdout == "torch\n"
        assert "Keras runs on torch, the only backend" in done.stderr
    assert '"backend": "tensorflow"' in (tmp_path / "keras.json").read_text()


@pytest.mark.parametrize(
    ("without", "backend", "message"),
    [
        (["tensorflow"], None, "names tensorflow, which is not installed; installed"),
        (["tensorflow", "jax"], "jax", "KERAS_BACKEND names jax, which is not"),
        (["tensorflow", "jax", "torch"], None, "not installed; and no other is"),
        ([], "theano", "KERAS_BACKEND names theano, which is not installed"),
    ],
)
@pytest.mark.parametrize("program", ["script.py", "/bin/keras-hybrid"])
def test_a_missing_backend_is_said(tmp_path, without, backend, message, program):
    done = start(tmp_path, without, backend, program)
    assert done.returncode
    *trace, last = done.stderr.strip().splitlines()
    assert message in last
    assert "pip install 'keras_hybrid[torch]'" in last
    assert bool(trace) == (program == "script.py")


def test_a_backend_that_is_there_is_left_alone(tmp_path):
    done = start(tmp_path, ["tensorflow"], "torch")
    assert (done.stdout, done.returncode) == ("torch\n", 0)
    assert "only backend" not in done.stderr
