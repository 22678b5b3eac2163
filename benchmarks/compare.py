"""Our networks beside the same networks elsewhere: checked first, then timed in turns.

Every candidate is a process of its own, because Keras has one backend a process. All
of them are there, warm, while they are timed; a round is one measurement of each, one
after the other, so that what disturbs the machine disturbs all alike.
"""

import contextlib
import math
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import numpy as np

from benchmarks.candidates import CANDIDATES, CONTROLS, FILES, PEERS, Candidate
from benchmarks.cases import Case
from benchmarks.cases import case as find_case
from benchmarks.compare_table import lines
from benchmarks.harness import Row, Timing, interleave, write
from benchmarks.setup import Setup
from benchmarks.workers import Worker, prepare, started

# On what a candidate may differ from the reference; bfloat16 has 8 bits.
TOLERANCE = {"float32": 1e-4, "bfloat16": 0.1}
LOSS_TOLERANCE = {"float32": 1e-3, "bfloat16": 3e-2}
PAUSE = 0.05  # seconds in which the last one's threads fall asleep


class Unequal(RuntimeError):
    """A candidate computes something else than the reference."""


def compare(
    case: Case,
    candidates: Sequence[str],
    task: str,
    batch_sizes: Sequence[int],
    rounds: int = 15,
    precision: str = "float32",
    official: str | None = None,
) -> Iterator[list[Row]]:
    """Times candidates at a task; yields the rows of each batch size.

    Args:
        case: What they compute.
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
    candidates = _able(case, candidates or CANDIDATES, task)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        prepare(case, candidates, pathlib.Path(folder), official)
        setups = [Setup(name, case, folder, precision, official) for name in candidates]
        workers = [stack.enter_context(started(setup)) for setup in setups]
        differences = [_difference(worker, precision) for worker in workers]
        for batch_size in batch_sizes:
            warm = [worker.ask("warm_up", task, batch_size) for worker in workers]
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
                        **worker.ask("memory"),
                        "difference": difference,
                        "control_spread": control_spread,
                    },
                )
                for worker, reply, timing, difference in zip(
                    workers, warm, timings, differences, strict=True
                )
            ]


def _able(case: Case, candidates: Sequence[str], task: str) -> list[str]:
    """Those that can do the task: files do not train, and only we have ATC."""
    out = set(FILES) if task == "training" or case.is_layer else set()
    if not case.peer:
        out |= set(PEERS)
    return [name for name in candidates if name not in out]


def _measurement(worker: Worker) -> Callable[[], tuple[float, float]]:
    """One measurement by a worker, after the other candidates' threads have slept."""

    def measure() -> tuple[float, float]:
        time.sleep(PAUSE)
        measured = worker.ask("run")
        return measured["seconds"], measured["processor_seconds"]

    return measure


def _control_spread(workers: list[Worker], timings: list[Timing]) -> float | None:
    for worker, timing in zip(workers, timings, strict=True):
        if worker.name in CONTROLS:
            return round(timing.spread, 2)
    return None


def _difference(worker: Worker, precision: str) -> float:
    if worker.name in CONTROLS:
        return math.nan  # another network
    difference = worker.ask("check")["difference"]
    if not difference <= TOLERANCE[precision]:  # not a number is unequal
        raise Unequal(
            f"{worker.name} differs from the reference by {difference:.1e}, more "
            f"than {TOLERANCE[precision]:.0e}: its speed means nothing."
        )
    return float(f"{difference:.2g}")


def _check_losses(
    workers: list[Worker], losses: list[list[float]], precision: str
) -> None:
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
        names: Models, as `keras-hybrid list` gives them; gpsa_tiny and gpsa_small are
            the layer alone.
        task: The logits of images, or a whole training step with AdamW.
        batch_sizes: Images at a time.
        candidates: What to time; without it all that can do the task. Peers and
            controls need timm and transformers (the extra 'bench').
        rounds: Measurements of each.
        precision: Of products; weights stay float32.
        official: Folder with the official code, where that is the peer (CeiT).
        out: CSV file, to which a row per candidate is appended.
    """
    for chosen in [find_case(name) for name in names]:
        results = compare(
            chosen, candidates, task, batch_sizes, rounds, precision, official
        )
        for rows in results:
            print("\n".join(lines(rows)), flush=True)
            write(rows, out)
    print(f"\nAdded to {out}.")
