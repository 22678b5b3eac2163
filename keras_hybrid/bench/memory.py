"""Memory of a training step on JAX, by XLA's count: nothing is run.

    KERAS_BACKEND=jax python -m keras_hybrid.bench.memory convit_tiny
    KERAS_BACKEND=jax python -m keras_hybrid.bench.memory convit_tiny --rematerialise

Appends a row a model: what XLA sets aside beside weights and images, and how many
operations the step has, with and without `--rematerialise` of the recipes.
"""

import dataclasses
import pathlib

import numpy as np

from keras_hybrid.bench.machine import fingerprint
from keras_hybrid.bench.ours import Jax
from keras_hybrid.bench.subjects import subject
from keras_hybrid.train.augmented import Augmented
from keras_hybrid.train.rematerialise import Rematerialised, spare_memory
from keras_hybrid.utils.csv_rows import append_csv


@dataclasses.dataclass(frozen=True)
class Row:
    """The training step of one network."""

    model: str
    batch_size: int
    rematerialise: bool
    temporary_megabytes: int
    operations: float


def measure(name: str, batch_size: int, rematerialise: bool) -> Row:
    """Compiles the training step of a network and asks XLA."""
    network = subject(name).build()
    runner = Jax(network)
    runner.model = (Rematerialised if rematerialise else Augmented)(network)
    images = np.zeros((batch_size, *network.input_shape[1:]), "float32")
    labels = np.zeros((batch_size, *network.output_shape[1:]), "float32")
    compiled, _ = runner.compiled("training", images, labels)
    return Row(
        model=name,
        batch_size=batch_size,
        rematerialise=rematerialise,
        temporary_megabytes=compiled.memory_analysis().temp_size_in_bytes // 10**6,
        operations=float(f"{compiled.cost_analysis()['flops']:.4g}"),
    )


def main(
    names: tuple[str, ...],
    /,
    batch_size: int = 32,
    rematerialise: bool = False,
    out: pathlib.Path = pathlib.Path("memory.csv"),
) -> None:
    """Counts the memory of a training step.

    Args:
        names: Models, as `list` gives them.
        batch_size: Images a step.
        rematerialise: As the recipes do with the option of that name.
        out: CSV file, to which a row a model is appended.
    """
    if rematerialise:
        spare_memory()
    for name in names:
        row = dataclasses.asdict(measure(name, batch_size, rematerialise))
        print(row, flush=True)
        append_csv([row | fingerprint()], out)


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
