"""Starts the child processes of a comparison: preparation and one worker each."""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

import numpy as np

from benchmarks.candidates import BACKENDS, FILES
from benchmarks.cases import Case
from benchmarks.setup import Setup
from keras_hybrid.export.converter_process import convert
from keras_hybrid.export.formats import require
from keras_hybrid.utils.subprocesses import failure, run_module

# The process keeps the memory that it frees, in large pages. Otherwise much of the
# measured time is the system taking memory back and mapping it again.
MALLOC = ":".join(
    (
        "glibc.malloc.hugetlb=1",
        f"glibc.malloc.mmap_threshold={2**35}",
        f"glibc.malloc.trim_threshold={2**36}",
    )
)


SETTINGS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # candidates share a GPU
    "GLIBC_TUNABLES": MALLOC,
}
PREPARE = "benchmarks.prepare"


def prepare(
    case: Case,
    candidates: Sequence[str],
    folder: pathlib.Path,
    official: str | None,
) -> None:
    """Writes the weights, reference and exported files for the candidates."""
    backends = [name for name in candidates if name in BACKENDS] or ["torch"]
    backend, environment = backends[0], SETTINGS
    text = json.dumps(dataclasses.asdict(case))
    if case.peer:
        more = [official] if official else []
        run_module(PREPARE, ["peer", text, str(folder), *more], backend, environment)
    run_module(PREPARE, ["keras", text, str(folder)], backend, environment)
    for name in candidates:
        if name in FILES:
            require(name)
            target = folder / FILES[name]
            convert(name, folder / "folded.keras", target, {})
    shape, rng = (2, 224, 224, 3), np.random.default_rng(2)
    labels = np.eye(1000, dtype="float32")[[1, 3]]
    images = rng.normal(size=shape).astype("float32")
    np.savez(folder / "control.npz", images=images, labels=labels)


class WorkerProcess:
    """A running child process of `benchmarks.worker`; see there for its commands."""

    def __init__(self, setup: Setup, process: subprocess.Popen[str], errors: IO[str]):
        if process.stdin is None or process.stdout is None:
            raise ValueError("The process needs pipes for its input and output.")
        self.name = setup.candidate
        self._process = process
        self._input, self._output = process.stdin, process.stdout
        self._errors = errors
        self._reply()  # the process is ready

    def request(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Sends a command and waits for the reply."""
        self._input.write(json.dumps({"command": command} | arguments) + "\n")
        self._input.flush()
        return self._reply()

    def _reply(self) -> dict[str, Any]:
        line = self._output.readline()
        if not line:
            status = self._process.wait()
            self._errors.seek(0)
            reason = failure(status, self._errors.read())
            raise RuntimeError(f"{self.name} failed: {reason}")
        return json.loads(line)


@contextlib.contextmanager
def start_worker(setup: Setup) -> Iterator[WorkerProcess]:
    """Starts the worker of a candidate; it ends with the `with` block."""
    backend = setup.candidate if setup.candidate in BACKENDS else "torch"
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"] + [setup.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | SETTINGS | {"KERAS_BACKEND": backend},
        )
        try:
            yield WorkerProcess(setup, process, errors)
        finally:
            process.kill()
            process.wait()
