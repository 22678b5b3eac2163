"""Profiles a training step or inference on JAX, by kind of operation.

XLA fuses the operations of a network into loops and library calls. A kind is such a
loop or call in a layer, without the numbers in the layer's name. The profile has the
milliseconds of each kind per step and the number of its runs. Times of operations that
run in parallel add up.
"""

import collections
import itertools
import pathlib
import re
import tempfile
import time
from typing import Literal

import numpy as np

from benchmarks.cases import case
from benchmarks.keras_runners import Jax

STEPS = 3
# The name of an instruction, and the operation of the program that it comes from.
_ORIGIN = re.compile(r'%([\w.\-]+) = [^\n]*?op_name="([^"]*)"')


def profile(name: str, task: str, batch_size: int) -> dict[str, tuple[float, float]]:
    """Milliseconds and runs per step of each kind of operation, the longest first."""
    import jax

    runner = Jax(case(name).build())
    model, rng = runner.model, np.random.default_rng(0)
    shape = (batch_size, *model.input_shape[1:])
    images = rng.normal(size=shape).astype("float32")
    labels = np.zeros((batch_size, *model.output_shape[1:]), "float32")
    compiled, arguments = runner.compiled(task, images, labels, donate=False)
    origins = dict(_ORIGIN.findall(compiled.as_text()))

    def step() -> float:
        began = time.perf_counter()
        jax.block_until_ready(compiled(*arguments))
        return time.perf_counter() - began

    step()
    print(f"{name}, {task}: {min(step() for _ in range(STEPS)):.3f} s per step")
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            for _ in range(STEPS):
                step()
        (trace,) = pathlib.Path(folder).rglob("*.xplane.pb")
        return _by_kind(trace, origins)


def _by_kind(
    trace: pathlib.Path, origins: dict[str, str]
) -> dict[str, tuple[float, float]]:
    from jax.profiler import ProfileData

    sums: dict[str, np.ndarray] = collections.defaultdict(lambda: np.zeros(2))
    lines = (
        x for plane in ProfileData.from_file(str(trace)).planes for x in plane.lines
    )
    for event in itertools.chain.from_iterable(line.events for line in lines):
        instruction = dict(event.stats).get("hlo_op")
        if instruction is not None:
            loop = re.sub(r"\.\d+$", "", instruction)
            origin = re.sub(r"\d+", "#", origins.get(instruction, ""))
            sums[f"{loop} {origin}"] += event.duration_ns / 1e6, 1
    ranked = sorted(sums.items(), key=lambda item: -item[1][0])
    return {kind: (ms / STEPS, runs / STEPS) for kind, (ms, runs) in ranked}


def main(
    name: str,
    /,
    task: Literal["training", "inference"] = "training",
    batch_size: int = 32,
    limit: int = 30,
) -> None:
    """Print the time of a training step or inference on JAX by kind of operation.

    Args:
        name: A model, see `keras-hybrid list`, or `gpsa_tiny`, `gpsa_small`.
        task: A whole training step, or inference of logits.
        batch_size: Images per batch.
        limit: Number of kinds to print.
    """
    kinds = profile(name, task, batch_size)
    for kind, (milliseconds, times) in itertools.islice(kinds.items(), limit):
        print(f"{milliseconds:9.1f} ms {times:6.0f} x  {kind}")
