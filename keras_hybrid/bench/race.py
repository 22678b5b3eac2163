"""Candidates side by side: the same weights, checked first, then timed in turns.

Every candidate is a process of its own, because Keras has one backend a process. All
of them are there, warm, while they are timed; a round is one measurement of each, one
after the other, so that what disturbs the machine disturbs all alike.
"""

import contextlib
import dataclasses
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

import numpy as np

from keras_hybrid.bench.candidates import (
    BACKENDS,
    CANDIDATES,
    CONTROLS,
    FILES,
    PEERS,
)
from keras_hybrid.bench.machine import fingerprint
from keras_hybrid.bench.runners import Setup
from keras_hybrid.bench.subjects import Subject
from keras_hybrid.export.formats import require
from keras_hybrid.export.write import convert

TASKS = ("inference", "training")
# On what a candidate may differ from the reference; bfloat16 has 8 bits.
TOLERANCE = {"float32": 1e-4, "bfloat16": 0.1}
LOSS_TOLERANCE = {"float32": 1e-3, "bfloat16": 3e-2}
PAUSE = 0.05  # seconds in which the last one's threads fall asleep


class Unequal(RuntimeError):
    """A candidate computes something else than the reference."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One candidate at one task and batch size; times are seconds."""

    subject: str
    peer: str
    candidate: str
    task: str
    batch_size: int
    precision: str
    seconds: float  # the median of the rounds
    fastest: float
    slowest: float
    processor_seconds: float
    compile_seconds: float
    host_megabytes: float
    device_megabytes: float | None
    difference: float  # from the reference, on its answer
    control_spread: float | None  # slowest to fastest round of the control
    rounds: int
    processor: str
    cores: int
    accelerator: str
    load: float
    versions: str
    revision: str


def race(
    subject: Subject,
    candidates: Sequence[str],
    task: str,
    batch_sizes: Sequence[int],
    rounds: int = 15,
    precision: str = "float32",
    official: str | None = None,
) -> Iterator[list[Row]]:
    """Times candidates at a task; yields the rows of each batch size.

    Args:
        subject: What they compute.
        candidates: Names of `CANDIDATES`; none means all that can do it.
        task: `"inference"` or `"training"`, a whole step with AdamW.
        batch_sizes: Images at a time.
        rounds: Measurements of each candidate.
        precision: `"float32"` or `"bfloat16"`, of products; weights stay float32.
        official: Folder of the official code, where that is the peer.

    Raises:
        Unequal: If a candidate's answer is not the reference's within `TOLERANCE`, or
            its second training loss is not that of the others.
        RuntimeError: If a candidate fails; the message ends with its own.
    """
    candidates = _able(subject, candidates or CANDIDATES, task)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        _publish(subject, candidates, pathlib.Path(folder), official)
        setups = [
            Setup(name, subject, folder, precision, official) for name in candidates
        ]
        workers = [stack.enter_context(_worker(setup)) for setup in setups]
        differences = [_difference(worker, precision) for worker in workers]
        for batch_size in batch_sizes:
            machine = fingerprint()
            warm = [worker.ask("warm_up", task, batch_size) for worker in workers]
            _check_losses(workers, [answer["losses"] for answer in warm], precision)
            times = _rounds(workers, rounds)
            memory = [worker.ask("memory") for worker in workers]
            yield [
                Row(
                    subject=subject.name,
                    peer=subject.peer or "",
                    candidate=worker.name,
                    task=task,
                    batch_size=batch_size,
                    precision=precision,
                    **_summary(measured),
                    compile_seconds=round(answer["compile_seconds"], 1),
                    **memory[i],
                    difference=differences[i],
                    control_spread=_control_spread(workers, times),
                    rounds=rounds,
                    **machine,
                )
                for i, (worker, answer, measured) in enumerate(
                    zip(workers, warm, times, strict=True)
                )
            ]


def _able(subject: Subject, candidates: Sequence[str], task: str) -> list[str]:
    """Those that can do the task: files do not train, and nobody else has ATC."""
    out = set(FILES) if task == "training" or subject.is_layer else set()
    if not subject.peer:
        out |= set(PEERS)
    return [name for name in candidates if name not in out]


def _rounds(workers, rounds: int) -> list[list[dict]]:
    times = [[] for _ in workers]
    for _ in range(rounds):
        for worker, measured in zip(workers, times, strict=True):
            time.sleep(PAUSE)
            measured.append(worker.ask("run"))
    return times


def _summary(measured: list[dict]) -> dict[str, float]:
    seconds = [x["seconds"] for x in measured]
    used = [x["processor_seconds"] for x in measured]
    figures = {
        "seconds": statistics.median(seconds),
        "fastest": min(seconds),
        "slowest": max(seconds),
        "processor_seconds": statistics.median(used),
    }
    return {name: float(f"{value:.4g}") for name, value in figures.items()}


def _control_spread(workers, times) -> float | None:
    for worker, measured in zip(workers, times, strict=True):
        if worker.name in CONTROLS:
            seconds = [x["seconds"] for x in measured]
            return round(max(seconds) / min(seconds), 2)
    return None


def _difference(worker, precision: str) -> float:
    if worker.name in CONTROLS:
        return math.nan  # another network
    difference = worker.ask("check")["difference"]
    if not difference <= TOLERANCE[precision]:  # not a number is unequal
        raise Unequal(
            f"{worker.name} differs from the reference by {difference:.1e}, more "
            f"than {TOLERANCE[precision]:.0e}: its speed means nothing."
        )
    return float(f"{difference:.2g}")


def _check_losses(workers, losses: list[list[float]], precision: str) -> None:
    """The losses of the first two steps have to be the same for all."""
    known = {
        worker.name: loss
        for worker, loss in zip(workers, losses, strict=True)
        if loss and worker.name not in CONTROLS
    }
    for name, loss in known.items():
        first = next(iter(known.values()))
        if not np.allclose(loss, first, rtol=LOSS_TOLERANCE[precision]):
            raise Unequal(f"The first losses differ: {known}; see {name}.")


def _publish(subject, candidates, folder: pathlib.Path, official) -> None:
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
        # Large pages: else the kernel's bringing of pages is what is measured
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    }
    return os.environ | settings


class _Process:
    """A worker and the line to it."""

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
def _worker(setup: Setup) -> Iterator[_Process]:
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
            yield _Process(setup, process, errors)
        finally:
            process.kill()
            process.wait()


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it ended without a word"
