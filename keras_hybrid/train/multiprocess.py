"""Several processes that take part in one run, on JAX.

Each runs the same command with the same settings and feeds its devices with its rows of
every batch; the first one writes the files, in a workdir that all of them see.
"""

import os

import keras
import numpy as np

PROCESSES = "KERAS_DISTRIBUTION_NUM_PROCESSES"
"""Number of processes, to be set in each of them. With it go
`KERAS_DISTRIBUTION_JOB_ADDRESSES`, the first process's `host:port`, and
`KERAS_DISTRIBUTION_PROCESS_ID`, from 0; JAX finds both itself on Slurm, Open MPI and
TPU pods."""


def connect() -> None:
    """Joins the other processes, if `PROCESSES` asks for it; before JAX computes."""
    import jax

    if is_one_of_several() and not jax.distributed.is_initialized():
        keras.distribution.initialize()


def is_one_of_several() -> bool:
    """Whether `PROCESSES` asks for several processes; before they are connected."""
    return int(os.environ.get(PROCESSES, 1)) > 1


def process_index() -> int:
    """The number of this process, from 0; the first one writes files and speaks."""
    if keras.backend.backend() != "jax":
        return 0
    import jax

    return jax.process_index()


def process_count() -> int:
    """How many processes take part in the run."""
    if keras.backend.backend() != "jax":
        return 1
    import jax

    return jax.process_count()


def barrier() -> None:
    """Waits until every process has reached this call."""
    if process_count() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices("keras_hybrid")


def check_epoch(epoch: int) -> None:
    """Checks that all processes resume after the same epoch.

    Raises:
        ValueError: If they differ, because not all of them see the checkpoint.
    """
    if process_count() > 1:
        from jax.experimental import multihost_utils

        found = multihost_utils.process_allgather(np.array(epoch)).tolist()
        if len(set(found)) > 1:
            raise ValueError(
                f"The processes resume after different epochs, {found}; --workdir must "
                "lie on a file system that all of them share."
            )


def shard(batches: keras.utils.PyDataset) -> keras.utils.PyDataset:
    """This process's part of a stream of global batches."""
    return batches if process_count() == 1 else _Shard(batches)


class _Shard(keras.utils.PyDataset):
    """The rows of each global batch that belong to this process."""

    def __init__(self, batches: keras.utils.PyDataset):
        super().__init__()
        self.batches = batches

    @property
    def num_batches(self) -> int | None:
        """The number of global batches."""
        return self.batches.num_batches

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        def rows(array: np.ndarray) -> np.ndarray:
            length = len(array) // process_count()
            return array[process_index() * length :][:length]

        return keras.tree.map_structure(rows, self.batches[index])
