"""Measures a network at one image size and batch size, in a process of its own.

    KERAS_BACKEND=BACKEND python -m benchmarks.growth_point POINT

POINT is the JSON of a `Point`. The measurement is a line of JSON on standard output.
"""

import contextlib
import dataclasses
import json
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from benchmarks.cases import Case, case
from benchmarks.harness import interleave, timed
from benchmarks.keras_runners import Jax, KerasTorch, TensorFlow
from benchmarks.setup import block_until_ready
from keras_hybrid.analysis.complexity import macs
from keras_hybrid.utils.memory import host_peak

MIN_SECONDS = 0.1  # of a measurement; calls are repeated until then
SLOW = 2.0  # seconds of a call of which two rounds are enough


@dataclasses.dataclass(frozen=True)
class Point:
    """What is measured.

    Attributes:
        name: Name of a variant.
        image_size: Height and width of the images, in pixels.
        batch_size: Images per batch.
        task: `"inference"`, or `"training"`: a whole step with AdamW.
    """

    name: str
    image_size: int
    batch_size: int
    task: str = "inference"


def measure(point: Point, rounds: int) -> dict[str, Any]:
    """Builds the network and measures the task, after a call that compiles it.

    Returns:
        `timing`, the fields of a `harness.Timing`; `macs` per batch; `parameters`; and
        `working_megabytes`, the memory beside weights: by XLA's count on JAX, else what
        the peak of the process grew by.
    """
    model = build(point)
    runners: dict[str, Any] = {
        "jax": Jax,
        "tensorflow": TensorFlow,
        "torch": KerasTorch,
    }
    runner = runners[keras.backend.backend()](model)
    rng = np.random.default_rng(0)
    shape = (point.batch_size, *model.input_shape[1:])
    x = rng.normal(size=shape).astype("float32")
    y = np.eye(model.output_shape[-1], dtype="float32")[np.zeros(len(x), int)]
    _reset_peak()
    before = host_peak()
    call = _call(runner, point.task, x, y)
    call()
    began = time.perf_counter()
    call()
    slow = time.perf_counter() - began > SLOW
    (timing,) = interleave(
        [timed(call, MIN_SECONDS)], min(rounds, 2) if slow else rounds
    )
    working = host_peak() - before
    if isinstance(runner, Jax):
        compiled, _ = runner.compiled(point.task, x, y)
        working = compiled.memory_analysis().temp_size_in_bytes
    return {
        "timing": dataclasses.asdict(timing),
        "macs": point.batch_size * macs(model),
        "parameters": model.count_params(),
        "working_megabytes": round(working / 1e6, 1),
    }


def build(point: Point) -> keras.Model:
    """The network for images of that size: normalized input to logits."""
    known = case(point.name)
    size = {"input_shape": (point.image_size, point.image_size, 3)}
    return Case(known.name, options={**known.options, **size}).build()


def _reset_peak() -> None:
    """Lets `host_peak` begin anew with the present memory, where Linux allows it."""
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/clear_refs").write_text("5")


def _call(runner: Any, task: str, x: np.ndarray, y: np.ndarray) -> Callable[[], None]:
    """The task as a function that returns once its result is computed."""
    call = runner.inference(x) if task == "inference" else runner.training(x, y)
    return lambda: block_until_ready(call())


def main(point: str, rounds: str) -> None:
    """Prints the measurement of a point."""
    print(json.dumps(measure(Point(**json.loads(point)), int(rounds))))


if __name__ == "__main__":
    main(*sys.argv[1:])
