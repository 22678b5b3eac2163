"""The processes of a comparison: those that prepare it, and a worker per candidate."""

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

# Freed memory stays with the process, in large pages; else the system's taking it away
# and bringing it back, page by page, is much of what is measured.
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
    """Weights, reference and files that the candidates of a comparison need."""
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


class Worker:
    """A running `worker` and the line to it."""

    def __init__(self, setup: Setup, process: subprocess.Popen, errors: IO[str]):
        self.name = setup.candidate
        self._process = process
        self._errors = errors
        self._reply()  # once it is ready

    def ask(self, order: str, *arguments: Any) -> dict[str, Any]:
        """The worker's reply to an order."""
        names = {"warm_up": ("task", "batch_size")}.get(order, ())
        message = {"order": order} | dict(zip(names, arguments, strict=True))
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
        return self._reply()

    def _reply(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            self._errors.seek(0)
            reason = failure(status, self._errors.read())
            raise RuntimeError(f"{self.name} failed: {reason}")
        return json.loads(line)


@contextlib.contextmanager
def started(setup: Setup) -> Iterator[Worker]:
    """A worker of that setup, ready; it ends with the context."""
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
            yield Worker(setup, process, errors)
        finally:
            process.kill()
            process.wait()
