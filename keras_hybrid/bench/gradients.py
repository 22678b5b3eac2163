"""A training step on JAX with this package's own gradients, and with JAX's.

    KERAS_BACKEND=jax python -m keras_hybrid.bench.gradients convit_tiny ceit_tiny

Own are those of linear maps, convolutions, norms, max pools and the bias of attention.
Appends a row a model and kind of gradients: milliseconds a step, and what XLA sets
aside for it. The two take turns; the median of the rounds counts.
"""

import contextlib
import dataclasses
import os
import pathlib
import statistics
import time
from collections.abc import Iterator
from unittest import mock

import numpy as np
from keras import ops

from keras_hybrid.bench.machine import fingerprint
from keras_hybrid.bench.ours import Jax
from keras_hybrid.bench.subjects import subject
from keras_hybrid.layers import (
    attention,
    batch_norm,
    convolution,
    layer_norm,
    linear,
    pooling,
)
from keras_hybrid.utils.csv_rows import append_csv

KINDS = ("jax", "own")
OWN = (batch_norm, convolution, layer_norm, linear, pooling)


@dataclasses.dataclass(frozen=True)
class Row:
    """A training step of one network."""

    model: str
    gradients: str
    batch_size: int
    milliseconds: float
    temporary_megabytes: int
    spread: float
    rounds: int
    settings: str  # of the allocator and of XLA, in the environment


@contextlib.contextmanager
def gradients(kind: str) -> Iterator[None]:
    """What is compiled meanwhile has gradients of that kind."""
    with contextlib.ExitStack() as stack:
        if kind == "jax":
            for module in OWN:
                patch = mock.patch.object(module, "jax_on_cpu", lambda: False)
                stack.enter_context(patch)
            stack.enter_context(mock.patch.object(attention, "add_shared", ops.add))
        yield


def measure(name: str, batch_size: int, rounds: int) -> list[Row]:
    """Times a network's training step with both kinds of gradients."""
    model, rng = subject(name).build(), np.random.default_rng(0)
    images = rng.normal(size=(batch_size, *model.input_shape[1:])).astype("float32")
    labels = np.zeros((batch_size, *model.output_shape[1:]), "float32")
    steps = {}
    for kind in KINDS:
        with gradients(kind):  # JAX traces a runner's step once: each has its own
            runner = Jax(model)
            steps[kind] = runner.compiled("training", images, labels, donate=False)
    names = ("GLIBC_TUNABLES", "XLA_FLAGS")
    settings = " ".join(os.environ[x] for x in names if x in os.environ)
    times = {kind: [] for kind in KINDS}
    for _ in range(rounds):
        for kind, step in steps.items():
            times[kind].append(_milliseconds(*step))
    return [
        Row(
            name,
            kind,
            batch_size,
            round(statistics.median(times[kind]), 1),
            compiled.memory_analysis().temp_size_in_bytes // 10**6,
            round(max(times[kind]) / min(times[kind]), 2),
            rounds,
            settings,
        )
        for kind, (compiled, _) in steps.items()
    ]


def _milliseconds(compiled, arguments) -> float:
    """A step's, after one that is not timed; see `worker`."""
    import jax

    jax.block_until_ready(compiled(*arguments))
    began = time.perf_counter()
    jax.block_until_ready(compiled(*arguments))
    return 1000 * (time.perf_counter() - began)


def main(
    names: tuple[str, ...],
    /,
    batch_size: int = 8,
    rounds: int = 9,
    out: pathlib.Path = pathlib.Path("gradients.csv"),
) -> None:
    """Times training steps with both kinds of gradients.

    Args:
        names: Models, as `list` gives them.
        batch_size: Images a step.
        rounds: Measurements of each.
        out: CSV file, to which two rows a model are appended.
    """
    for name in names:
        for row in measure(name, batch_size, rounds):
            print(row, flush=True)
            append_csv([dataclasses.asdict(row) | fingerprint()], out)


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
