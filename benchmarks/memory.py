"""Memory of a training step on JAX by XLA's count; the step is compiled but not run."""

import contextlib
import pathlib

import numpy as np

from benchmarks.cases import case
from benchmarks.harness import Row, significant, write
from benchmarks.keras_runners import Jax
from keras_hybrid.train.augmented import Augmented
from keras_hybrid.train.remat import RematAugmented, remat_scheduler


def measure(name: str, batch_size: int, remat: bool) -> Row:
    """Compiles the training step of a network and reads XLA's counts."""
    network = case(name).build()
    runner = Jax(network)
    runner.model = (RematAugmented if remat else Augmented)(network)
    images = np.zeros((batch_size, *network.input_shape[1:]), "float32")
    labels = np.zeros((batch_size, *network.output_shape[1:]), "float32")
    compiled, _ = runner.compiled("training", images, labels)
    facts = {
        "temporary_megabytes": compiled.memory_analysis().temp_size_in_bytes // 10**6,
        "operations": significant(compiled.cost_analysis()["flops"]),
    }
    candidate = "remat" if remat else "plain"
    return Row(name, candidate, "training", batch_size, facts=facts)


def main(
    names: tuple[str, ...],
    /,
    batch_size: int = 32,
    remat: bool = False,
    out: pathlib.Path = pathlib.Path("memory.csv"),
) -> None:
    """Count the memory and the operations of a training step on JAX.

    Args:
        names: Models, see `keras-hybrid list`.
        batch_size: Images per step.
        remat: Recompute activations for the gradients, as `train --remat` does.
        out: CSV file; one row per model is appended.
    """
    with remat_scheduler() if remat else contextlib.nullcontext():
        for name in names:
            row = measure(name, batch_size, remat)
            print(row, flush=True)
            write([row], out)
