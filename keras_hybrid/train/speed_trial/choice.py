"""The rule by which timed training steps choose a backend and a precision."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from keras_hybrid.utils.text_table import text_table

AUTO = "auto"
FLOAT32 = "float32"
BFLOAT16 = "mixed_bfloat16"
GAIN = 1.1
"""How many times as fast another backend must be, and 16 bits on a backend."""


@dataclasses.dataclass(frozen=True)
class Timing:
    """Training steps of one backend in one precision.

    Attributes:
        backend: Its name.
        precision: As `Optimization.precision`.
        images_per_second: Images trained per second; 0 if they were not timed, or the
            loss was not finite.
        failure: Why not; empty if they were timed.
    """

    backend: str
    precision: str
    images_per_second: float = 0.0
    failure: str = ""


@dataclasses.dataclass(frozen=True)
class Choice:
    """What a run computes with, and why.

    Attributes:
        backend: The backend.
        precision: The precision; `"auto"` where that is still open.
        reason: Why, in a phrase.
        timings: What was timed; empty if nothing was.
    """

    backend: str
    precision: str
    reason: str
    timings: tuple[Timing, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Everything as values that JSON can hold."""
        return dataclasses.asdict(self) | {"timings": as_dicts(self.timings)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Choice":
        """The choice that `as_dict` gave.

        Raises:
            KeyError, TypeError, ValueError: If it is another object.
        """
        timings = from_dicts(values["timings"])
        backend, precision = str(values["backend"]), str(values["precision"])
        return cls(backend, precision, str(values["reason"]), timings)

    def text(self) -> str:
        """What was timed as a table, and the choice in a line."""
        line = f"{self.backend}, {self.precision}: {self.reason}."
        return "\n".join([*table(self.timings), line])


def as_dicts(timings: Sequence[Timing]) -> list[dict[str, Any]]:
    """Timings as values that JSON can hold."""
    return [dataclasses.asdict(timing) for timing in timings]


def from_dicts(rows: Sequence[Mapping[str, Any]]) -> tuple[Timing, ...]:
    """The timings that `as_dicts` gave.

    Raises:
        TypeError, ValueError: If they are others.
    """
    timings = tuple(Timing(**row) for row in rows)
    for timing in timings:
        if not 0 <= float(timing.images_per_second) < float("inf"):
            raise ValueError(f"{timing.images_per_second} images per second")
    return timings


def table(timings: Sequence[Timing]) -> list[str]:
    """Images per second, a line per backend; below it what failed."""
    if not timings:
        return []
    precisions = list(dict.fromkeys(timing.precision for timing in timings))
    rows: dict[str, dict[str, str]] = {}
    for timing in timings:
        name = {"images/s": timing.backend} | dict.fromkeys(precisions, "-")
        row = rows.setdefault(timing.backend, name)
        if timing.images_per_second:
            row[timing.precision] = f"{timing.images_per_second:.4g}"
    failed = [f"{x.backend}, {x.precision}: {x.failure}" for x in timings if x.failure]
    return [*text_table(rows.values()), *failed]


def choose(timings: Sequence[Timing], backend: str, precision: str) -> Choice:
    """The fastest backend and precision.

    On each backend `mixed_bfloat16` is taken if it is `GAIN` times as fast as float32;
    then another backend than this one if it is `GAIN` times as fast.

    Args:
        timings: What was timed.
        backend: The backend of this process.
        precision: The precision that was given; `"auto"` for float32 or
            `mixed_bfloat16`.
    """
    timings = tuple(timings)
    best = {x.backend: _best(timings, x.backend, precision) for x in timings}
    here = best.get(backend) or _best((), backend, precision)
    there = max(best.values(), key=lambda x: x.images_per_second, default=here)
    speed = there.images_per_second
    if not speed:
        return Choice(backend, here.precision, "no steps were timed", timings)
    if there.backend != backend and speed >= GAIN * here.images_per_second:
        reason = f"no steps of {backend} were timed"
        if here.images_per_second:
            reason = f"{speed / here.images_per_second:.2g} times as fast as {backend}"
        return Choice(there.backend, there.precision, reason, timings)
    percent = f"{100 * (GAIN - 1):.0f} %"
    if len(best) > 1:
        reason = f"no other backend is {percent} faster"
    elif here.precision == BFLOAT16:
        reason = f"it is {percent} or more faster than {FLOAT32}"
    else:
        reason = f"{BFLOAT16} is not {percent} faster"
    return Choice(backend, here.precision, reason, timings)


def _best(timings: Sequence[Timing], backend: str, precision: str) -> Timing:
    """The timing of the precision that a backend would train in."""
    of = {x.precision: x for x in timings if x.backend == backend}
    if precision != AUTO:
        return of.get(precision, Timing(backend, precision))
    full = of.get(FLOAT32, Timing(backend, FLOAT32))
    short = of.get(BFLOAT16, Timing(backend, BFLOAT16))
    faster = 0 < GAIN * full.images_per_second <= short.images_per_second
    return short if faster else full
