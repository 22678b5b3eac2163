"""The one way in which things are timed here: in turns, and by the median.

A round is one measurement of every candidate, one after the other, so that whatever
disturbs the machine disturbs all of them alike. Before each measurement goes a call
that is not timed: while a candidate waited, others took its caches and freed memory.
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
    """Seconds per call over the rounds, by the clock and by the processor."""

    seconds: float  # the median of the rounds
    fastest: float
    slowest: float
    processor_seconds: float
    rounds: int

    @property
    def spread(self) -> float:
        """Slowest to fastest round."""
        return self.slowest / self.fastest


@dataclasses.dataclass(frozen=True)
class Row:
    """One candidate of one benchmark.

    Attributes:
        subject: The network or operation.
        candidate: Who computes it, and in which form.
        task: E.g. `"inference"` or `"training"`.
        batch_size: Images at a time.
        precision: Of the products.
        timing: Its times; None where a benchmark counts.
        facts: What the benchmark measures beside times, a column each.
    """

    subject: str
    candidate: str
    task: str
    batch_size: int
    precision: str = "float32"
    timing: Timing | None = None
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def columns(self) -> dict[str, Any]:
        """The row of a CSV file, with the machine that it was measured on."""
        fields = {
            name: getattr(self, name)
            for name in ("subject", "candidate", "task", "batch_size", "precision")
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
        measurements: One per candidate: returns seconds per call by the clock and by
            the processor, e.g. `timed(call)`.
        rounds: Measurements of each.

    Returns:
        The timing of each candidate.
    """
    taken: list[list[tuple[float, float]]] = [[] for _ in measurements]
    for _ in range(rounds):
        for measure, times in zip(measurements, taken, strict=True):
            times.append(measure())
    return [summary(times) for times in taken]


def timed(
    call: Callable[[], Any], shortest: float = 0.0
) -> Callable[[], tuple[float, float]]:
    """A measurement of a call.

    Args:
        call: Returns when its result is there.
        shortest: Seconds that a measurement takes at least, by repeating.
    """

    def measure() -> tuple[float, float]:
        call()
        calls, began, used = 0, time.perf_counter(), time.process_time()
        while not calls or time.perf_counter() - began < shortest:
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
    """A number rounded to its first digits."""
    return value if math.isnan(value) else float(f"{value:.{digits}g}")
