"""Compares models with the same networks in other libraries.

Outputs are compared first. Then the candidates are timed in turns, see `harness`. Each
candidate runs in a process of its own, because Keras has one backend per process. All
processes are running and warmed up before the first measurement.
"""

import contextlib
import math
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import numpy as np

from benchmarks.candidates import (
    CANDIDATES,
    CONTROLS,
    FILES,
    OTHER_NETWORKS,
    PEERS,
    RIVAL,
    Candidate,
)
from benchmarks.cases import Case
from benchmarks.cases import case as find_case
from benchmarks.child_processes import WorkerProcess, prepare, start_worker
from benchmarks.compare_table import lines
from benchmarks.harness import Row, Timing, interleave, write
from benchmarks.setup import Setup

# Largest difference from the outputs of the reference; bfloat16 has 8 bits.
TOLERANCE = {"float32": 1e-4, "bfloat16": 0.1}
LOSS_TOLERANCE = {"float32": 1e-3, "bfloat16": 3e-2}
PAUSE = 0.05  # seconds until the threads of the previous candidate sleep


class OutputMismatch(RuntimeError):
    """The outputs or losses of a candidate differ from the reference."""


def compare(
    case: Case,
    candidates: Sequence[str],
    task: str,
    batch_sizes: Sequence[int],
    rounds: int = 15,
    precision: str = "float32",
    official: str | None = None,
) -> Iterator[list[Row]]:
    """Times candidates on a task; yields the rows of each batch size.

    Args:
        case: The network or layer.
        candidates: Names from `CANDIDATES`; empty means all that support the task.
        task: `"inference"`, or `"training"`: a whole step with AdamW.
        batch_sizes: Images per batch.
        rounds: Number of measurements of each candidate.
        precision: `"float32"` or `"bfloat16"`, for matrix products and convolutions;
            weights stay float32.
        official: Folder of the official code, if it is the peer.

    Raises:
        OutputMismatch: If the outputs of a candidate differ from the reference by
            more than `TOLERANCE`, or its first training losses from the others'.
        RuntimeError: If a candidate fails; the message ends with its error.
    """
    candidates = _supported(case, candidates or CANDIDATES, task)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        prepare(case, candidates, pathlib.Path(folder), official)
        setups = [Setup(name, case, folder, precision, official) for name in candidates]
        workers = [stack.enter_context(start_worker(setup)) for setup in setups]
        differences = [_difference(worker, precision) for worker in workers]
        for batch_size in batch_sizes:
            warm = [
                worker.request("warm_up", task=task, batch_size=batch_size)
                for worker in workers
            ]
            _check_losses(workers, [reply["losses"] for reply in warm], precision)
            timings = interleave([_measurement(worker) for worker in workers], rounds)
            control_spread = _control_spread(workers, timings)
            yield [
                Row(
                    case.name,
                    worker.name,
                    task,
                    batch_size,
                    precision,
                    timing,
                    {
                        "peer": case.peer or "",
                        "compile_seconds": round(reply["compile_seconds"], 1),
                        **worker.request("memory"),
                        "difference": difference,
                        "control_spread": control_spread,
                    },
                )
                for worker, reply, timing, difference in zip(
                    workers, warm, timings, differences, strict=True
                )
            ]


def _supported(case: Case, candidates: Sequence[str], task: str) -> list[str]:
    """The candidates that support the task: files do not train, some have no peer."""
    excluded = set(FILES) if task == "training" or case.is_layer else set()
    if not case.peer:
        excluded |= set(PEERS)
    if not case.has_rival:
        excluded |= {RIVAL}
    return [name for name in candidates if name not in excluded]


def _measurement(worker: WorkerProcess) -> Callable[[], tuple[float, float]]:
    """A function that measures a worker, after a pause for the previous candidate."""

    def measure() -> tuple[float, float]:
        time.sleep(PAUSE)
        measured = worker.request("run")
        return measured["seconds"], measured["processor_seconds"]

    return measure


def _control_spread(
    workers: list[WorkerProcess], timings: list[Timing]
) -> float | None:
    for worker, timing in zip(workers, timings, strict=True):
        if worker.name in CONTROLS:
            return round(timing.spread, 2)
    return None


def _difference(worker: WorkerProcess, precision: str) -> float:
    if worker.name in OTHER_NETWORKS:
        return math.nan
    difference = worker.request("check")["difference"]
    if not difference <= TOLERANCE[precision]:  # NaN is a mismatch, too
        raise OutputMismatch(
            f"{worker.name} differs from the reference by {difference:.1e}, more "
            f"than {TOLERANCE[precision]:.0e}; it is not timed."
        )
    return float(f"{difference:.2g}")


def _check_losses(
    workers: list[WorkerProcess], losses: list[list[float]], precision: str
) -> None:
    """Raises unless the losses of the first two steps are the same for all."""
    known = {
        worker.name: loss
        for worker, loss in zip(workers, losses, strict=True)
        if loss and worker.name not in OTHER_NETWORKS
    }
    first = next(iter(known.values()), [])
    for name, loss in known.items():
        if not np.allclose(loss, first, rtol=LOSS_TOLERANCE[precision]):
            raise OutputMismatch(f"The first losses differ: {known}; see {name}.")


def main(
    names: tuple[str, ...] = ("convit_tiny",),
    /,
    task: Literal["inference", "training"] = "inference",
    batch_sizes: tuple[int, ...] = (1, 8),
    candidates: tuple[Candidate, ...] = (),
    rounds: int = 15,
    precision: Literal["float32", "bfloat16"] = "float32",
    official: str | None = None,
    out: pathlib.Path = pathlib.Path("compare.csv"),
) -> None:
    """Time models beside the same networks in timm, transformers or the official code.

    Args:
        names: Models, see `keras-hybrid list`; gpsa_tiny and gpsa_small are single
            GPSA layers.
        task: Inference of logits, or a whole training step with AdamW.
        batch_sizes: Images per batch.
        candidates: What to time; all that support the task by default. Peers and
            controls need timm and transformers (extra 'bench'). resnet18 has as many
            multiply-adds as the model, which is one of ATC.
        rounds: Number of measurements of each candidate.
        precision: Of matrix products and convolutions; weights stay float32.
        official: Folder with the official code, if it is the peer (CeiT).
        out: CSV file; one row per candidate is appended.
    """
    for chosen in [find_case(name) for name in names]:
        results = compare(
            chosen, candidates, task, batch_sizes, rounds, precision, official
        )
        for rows in results:
            print("\n".join(lines(rows)), flush=True)
            write(rows, out)
    print(f"\nAdded to {out}.")
