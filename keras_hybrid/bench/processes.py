"""The processes of a race: those that prepare it, and a worker for each candidate."""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence

import numpy as np

from keras_hybrid.bench.candidates import BACKENDS, FILES
from keras_hybrid.bench.subjects import Subject
from keras_hybrid.bench.terms import Setup
from keras_hybrid.export.formats import require
from keras_hybrid.export.processes import convert

# Freed memory stays with the process, in large pages; else the system's taking it away
# and bringing it back, page by page, is much of what is measured.
MALLOC = ":".join(
    (
        "glibc.malloc.hugetlb=1",
        f"glibc.malloc.mmap_threshold={2**35}",
        f"glibc.malloc.trim_threshold={2**36}",
    )
)


def publish(
    subject: Subject,
    candidates: Sequence[str],
    folder: pathlib.Path,
    official: str | None,
) -> None:
    """Weights, reference and files that the candidates of a race need."""
    program = [sys.executable, "-m", "keras_hybrid.bench.publish"]
    backends = [name for name in candidates if name in BACKENDS] or ["torch"]
    environment = _environment(backends[0])
    text = json.dumps(dataclasses.asdict(subject))
    if subject.peer:
        more = [official] if official else []
        _run([*program, "peer", text, folder, *more], environment)
    _run([*program, "ours", text, folder], environment)
    for name in candidates:
        if name in FILES:
            require(name)
            target = folder / FILES[name]
            convert(name, folder / "folded.keras", target, {})
    shape, rng = (2, 224, 224, 3), np.random.default_rng(2)
    labels = np.eye(1000, dtype="float32")[[1, 3]]
    images = rng.normal(size=shape).astype("float32")
    np.savez(folder / "control.npz", images=images, labels=labels)


def _run(command: list, environment: dict[str, str]) -> None:
    answer = subprocess.run(
        list(map(str, command)),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise RuntimeError(_last_line(answer.stderr))


def _environment(backend: str) -> dict[str, str]:
    settings = {
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # they share a GPU
        "GLIBC_TUNABLES": MALLOC,
    }
    return os.environ | settings


class Process:
    """A running `worker` and the line to it."""

    def __init__(self, setup: Setup, process: subprocess.Popen, errors):
        self.name = setup.candidate
        self._process = process
        self._errors = errors
        self._answer()  # once it is ready

    def ask(self, order: str, *arguments) -> dict:
        """What the worker answers to an order."""
        names = {"warm_up": ("task", "batch_size")}.get(order, ())
        message = {"order": order} | dict(zip(names, arguments, strict=True))
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            raise RuntimeError(f"{self.name} failed: {_last_line(self._errors.read())}")
        return json.loads(line)


@contextlib.contextmanager
def started(setup: Setup) -> Iterator[Process]:
    """A worker of that setup, ready; it ends with the context."""
    backend = setup.candidate if setup.candidate in BACKENDS else "torch"
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "keras_hybrid.bench.worker"] + [setup.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=_environment(backend),
        )
        try:
            yield Process(setup, process, errors)
        finally:
            process.kill()
            process.wait()


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it ended without a word"
