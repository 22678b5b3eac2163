"""How time and memory grow with the cost: image size, batch size, parameters.

The cost is the analytic count of multiply-adds. The slope of a measure is the
exponent of the cost by which it grows: `log(b / a)` over the same of the costs. Fixed
expenses make it less than 1. A slope of more than `MAX_SLOPE` from one point to the
next is named in the output: something grows faster than its cost. Each point is
measured in a process of its own.
"""

import dataclasses
import json
import math
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import keras
import numpy as np

from benchmarks.child_processes import SETTINGS
from benchmarks.growth_point import Point
from benchmarks.harness import Row, Timing, significant, write
from keras_hybrid.utils.subprocesses import ChildProcessFailed, run_module

MAX_SLOPE = 1.1  # the tenth is for noise and for caches that no longer suffice
NAMES = ("atc3", "convit_tiny", "cvt13", "ceit_tiny", "coatnet0", "astroformer0")
LARGER = {
    "atc3": ("atc9", "atc15"),
    "convit_tiny": ("convit_small", "convit_base"),
    "cvt13": ("cvt21",),
    "ceit_tiny": ("ceit_small",),
    "coatnet0": ("coatnet1", "coatnet2"),
    "astroformer0": ("astroformer1",),
}
"""Variants with more parameters."""
SIZES = (32, 64, 128, 256, 384)
BATCHES = (1, 8, 64, 256)
AT_SIZE, AT_BATCH = 64, 8  # where the other quantity grows

Sweep = Literal["size", "batch", "parameters"]
Measured = dict[str, Any]


def sweep(
    name: str, quantity: Sweep, sizes: Sequence[int], batches: Sequence[int], task: str
) -> list[Point]:
    """The points of a sweep, cheapest first."""
    if quantity == "size":
        return [Point(name, size, 1, task) for size in sizes]
    if quantity == "batch":
        return [Point(name, AT_SIZE, batch, task) for batch in batches]
    variants = (name, *LARGER.get(name, ()))
    return [Point(variant, AT_SIZE, AT_BATCH, task) for variant in variants]


def run(point: Point, rounds: int) -> Measured:
    """The measurement of a point, see `growth_point.measure`.

    Raises:
        ChildProcessFailed: If it has no result, e.g. for want of memory.
    """
    arguments = [json.dumps(dataclasses.asdict(point)), str(rounds)]
    printed = run_module("benchmarks.growth_point", arguments, environment=SETTINGS)
    return json.loads(printed.splitlines()[-1])


def slopes(costs: Sequence[float], values: Sequence[float]) -> list[float]:
    """The slope from each point to the next; NaN where the cost is the same."""
    found = []
    for i in range(len(costs) - 1):
        grown, more = values[i + 1] / values[i], costs[i + 1] / costs[i]
        found.append(math.nan if more == 1 else math.log(grown) / math.log(more))
    return found


def fitted_slope(costs: Sequence[float], values: Sequence[float]) -> float:
    """The slope of the straight line through all points on logarithmic axes."""
    if len(set(costs)) < 2:
        return math.nan
    return float(np.polyfit(np.log(costs), np.log(values), 1)[0])


def rows_of(
    quantity: Sweep, points: Sequence[Point], measured: Sequence[Measured]
) -> list[Row]:
    """The rows of a sweep; slopes are from the point before, of the fastest rounds."""
    costs = [x["macs"] for x in measured]
    time = [math.nan, *slopes(costs, [x["timing"]["fastest"] for x in measured])]
    memory = [math.nan, *slopes(costs, [_megabytes(x) for x in measured])]
    return [
        Row(
            point.name,
            keras.backend.backend(),
            point.task,
            point.batch_size,
            timing=Timing(**x["timing"]),
            facts={
                "sweep": quantity,
                "image_size": point.image_size,
                "macs": x["macs"],
                "parameters": x["parameters"],
                "working_megabytes": x["working_megabytes"],
                "time_slope": significant(by_time, 3),
                "memory_slope": significant(by_memory, 3),
            },
        )
        for point, x, by_time, by_memory in zip(
            points, measured, time, memory, strict=True
        )
    ]


def _megabytes(measured: Measured) -> float:
    return max(measured["working_megabytes"], 0.1)  # none has no logarithm


def lines(rows: Sequence[Row]) -> list[str]:
    """The table of a sweep, and its straight lines on logarithmic axes."""
    first = rows[0]
    text = [
        "",
        f"{first.case}, {first.task}, {first.candidate}: growing "
        f"{first.facts['sweep']}",
        f"{'variant':14} {'pixels':>6} {'batch':>5} {'M parameters':>12} "
        f"{'G MACs':>8} {'ms':>9} {'slope':>6} {'MB':>8} {'slope':>6}",
    ]
    for row in rows:
        facts, timing = row.facts, _timing(row)
        text.append(
            f"{row.case:14} {facts['image_size']:6} {row.batch_size:5} "
            f"{facts['parameters'] / 1e6:12.1f} {facts['macs'] / 1e9:8.3f} "
            f"{1000 * timing.fastest:9.1f} {facts['time_slope']:6.2f} "
            f"{facts['working_megabytes']:8.1f} {facts['memory_slope']:6.2f}"
        )
    costs = [row.facts["macs"] for row in rows]
    time = fitted_slope(costs, [_timing(row).fastest for row in rows])
    memory = fitted_slope(costs, [_megabytes(dict(row.facts)) for row in rows])
    return [*text, f"all points: slope of time {time:.2f}, of memory {memory:.2f}"]


def _timing(row: Row) -> Timing:
    if row.timing is None:
        raise ValueError(f"{row.case} was not timed.")
    return row.timing


def faults(rows: Sequence[Row]) -> list[str]:
    """One line for each measure that grew faster than the cost from point to point."""
    return [
        f"{row.case}, {row.task}, growing {row.facts['sweep']}, to "
        f"{row.facts['image_size']} pixels and batch {row.batch_size}: {measure} grows "
        f"with slope {row.facts[f'{measure}_slope']}"
        for row in rows
        for measure in ("time", "memory")
        if row.facts[f"{measure}_slope"] > MAX_SLOPE
    ]


def _measure_all(
    points: Iterable[Point], rounds: int, known: dict[Point, Measured]
) -> tuple[list[Point], list[str]]:
    """Measures unknown points; those with a result, and why others have none."""
    done, failures = [], []
    for point in points:
        try:
            known[point] = known.get(point) or run(point, rounds)
            done.append(point)
        except ChildProcessFailed as error:
            failures.append(
                f"{point.name} at {point.image_size} pixels and batch "
                f"{point.batch_size}: not measured: {error}"
            )
    return done, failures


def main(
    only: tuple[str, ...] = NAMES,
    sweeps: tuple[Sweep, ...] = ("size", "batch", "parameters"),
    sizes: tuple[int, ...] = SIZES,
    batches: tuple[int, ...] = BATCHES,
    task: Literal["inference", "training"] = "inference",
    rounds: int = 5,
    out: pathlib.Path = pathlib.Path("growth.csv"),
) -> None:
    """Measure time and memory against the count of multiply-adds, on one backend.

    Args:
        only: Models, see `keras-hybrid list`.
        sweeps: What grows: the image size at batch 1, the batch at 64 pixels, or the
            parameters at 64 pixels and batch 8, by larger variants of the family.
        sizes: Heights and widths of square images, in pixels; multiples of 32.
        batches: Images per batch.
        task: Inference of logits, or a whole training step with AdamW.
        rounds: Number of measurements of each point.
        out: CSV file; one row per point is appended.
    """
    known: dict[Point, Measured] = {}
    notes = []
    for name in only:
        for quantity in sweeps:
            points = sweep(name, quantity, sorted(sizes), sorted(batches), task)
            points, failures = _measure_all(points, rounds, known)
            notes += failures
            if points:
                rows = rows_of(quantity, points, [known[point] for point in points])
                print("\n".join(lines(rows)), flush=True)
                write(rows, out)
                notes += faults(rows)
    print(f"\nAdded to {out}. Slopes above {MAX_SLOPE}, and points without a result:")
    print("\n".join(notes or ["none"]))
