"""Candidates side by side: the same weights, checked first, then timed in turns.

Every candidate is a process of its own, because Keras has one backend a process. All
of them are there, warm, while they are timed; a round is one measurement of each, one
after the other, so that what disturbs the machine disturbs all alike.
"""

import contextlib
import dataclasses
import math
import pathlib
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence

import numpy as np

from keras_hybrid.bench.candidates import CANDIDATES, CONTROLS, FILES, PEERS
from keras_hybrid.bench.machine import fingerprint
from keras_hybrid.bench.processes import publish, started
from keras_hybrid.bench.subjects import Subject
from keras_hybrid.bench.terms import Setup

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
        publish(subject, candidates, pathlib.Path(folder), official)
        setups = [
            Setup(name, subject, folder, precision, official) for name in candidates
        ]
        workers = [stack.enter_context(started(setup)) for setup in setups]
        differences = [_difference(worker, precision) for worker in workers]
        for batch_size in batch_sizes:
            machine = fingerprint()
            warm = [worker.ask("warm_up", task, batch_size) for worker in workers]
            _check_losses(workers, [answer["losses"] for answer in warm], precision)
            times = _rounds(workers, rounds)
            control_spread = _control_spread(workers, times)
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
                    **worker.ask("memory"),
                    difference=difference,
                    control_spread=control_spread,
                    rounds=rounds,
                    **machine,
                )
                for worker, answer, measured, difference in zip(
                    workers, warm, times, differences, strict=True
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
    first = next(iter(known.values()), None)
    for name, loss in known.items():
        if not np.allclose(loss, first, rtol=LOSS_TOLERANCE[precision]):
            raise Unequal(f"The first losses differ: {known}; see {name}.")
