"""Times candidates in turns and reports medians.

A round measures every candidate once, one after the other, so that other load on the
machine affects all candidates alike. Each measurement starts with a call that is not
timed, because the candidates that ran before have evicted caches and taken freed
memory.
"""

import dataclasses
import math
import pathlib
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.machine import fingerprint
from keras_hybrid.utils.csv_rows import append_csv


@dataclasses.dataclass(frozen=True)
class Timing:
    """Wall-clock and processor seconds per call over the rounds.

    Attributes:
        seconds: Median of the rounds.
        fastest: Fastest round.
        slowest: Slowest round.
        processor_seconds: Median of the processor time.
        rounds: Number of rounds.
    """

    seconds: float
    fastest: float
    slowest: float
    processor_seconds: float
    rounds: int

    @property
    def spread(self) -> float:
        """Ratio of the slowest round to the fastest."""
        return self.slowest / self.fastest


@dataclasses.dataclass(frozen=True)
class Row:
    """The measurement of one candidate.

    Attributes:
        case: The network or operation.
        candidate: The implementation.
        task: E.g. `"inference"` or `"training"`.
        batch_size: Images per batch.
        precision: Data type of matrix products and convolutions.
        timing: Times; None for a benchmark without times.
        facts: Further columns of the benchmark.
    """

    case: str
    candidate: str
    task: str
    batch_size: int
    precision: str = "float32"
    timing: Timing | None = None
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def columns(self) -> dict[str, Any]:
        """The columns of the CSV file; the last ones describe the machine."""
        fields = {
            name: getattr(self, name)
            for name in ("case", "candidate", "task", "batch_size", "precision")
        }
        timing = dataclasses.asdict(self.timing) if self.timing else {}
        return fields | timing | dict(self.facts) | fingerprint()


def write(rows: Sequence[Row], path: pathlib.Path) -> None:
    """Appends rows to a CSV file."""
    append_csv([row.columns() for row in rows], path)


def interleave(
    measurements: Sequence[Callable[[], tuple[float, float]]], rounds: int
) -> list[Timing]:
    """Takes measurements in turns.

    Args:
        measurements: One function per candidate. It returns wall-clock seconds and
            processor seconds per call, e.g. `timed(call)`.
        rounds: Number of measurements of each candidate.

    Returns:
        The timing of each candidate.
    """
    taken: list[list[tuple[float, float]]] = [[] for _ in measurements]
    for _ in range(rounds):
        for measure, times in zip(measurements, taken, strict=True):
            times.append(measure())
    return [summary(times) for times in taken]


def timed(
    call: Callable[[], Any], min_seconds: float = 0.0
) -> Callable[[], tuple[float, float]]:
    """A function that measures a call.

    Args:
        call: Returns once its result is computed.
        min_seconds: Shortest duration of a measurement; the call is repeated until
            then.
    """

    def measure() -> tuple[float, float]:
        call()
        calls, began, used = 0, time.perf_counter(), time.process_time()
        while not calls or time.perf_counter() - began < min_seconds:
            call()
            calls += 1
        seconds = time.perf_counter() - began
        return seconds / calls, (time.process_time() - used) / calls

    return measure


def summary(times: Sequence[tuple[float, float]]) -> Timing:
    """The timing of a candidate from its rounds."""
    seconds, processor = zip(*times, strict=True)
    return Timing(
        seconds=significant(statistics.median(seconds)),
        fastest=significant(min(seconds)),
        slowest=significant(max(seconds)),
        processor_seconds=significant(statistics.median(processor)),
        rounds=len(times),
    )


def significant(value: float, digits: int = 4) -> float:
    """A number rounded to some significant digits."""
    return value if math.isnan(value) else float(f"{value:.{digits}g}")
