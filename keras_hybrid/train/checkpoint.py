"""The state of a run in one file that is never half written."""

import contextlib
import errno
import os
import pathlib
from collections.abc import Callable, Iterator

import keras
import numpy as np


def write_atomically(path: pathlib.Path, write: Callable[[pathlib.Path], None]) -> None:
    """Calls `write(temporary_path)` and moves the result to `path` in one step.

    Args:
        path: The file to write or to replace.
        write: Writes a file at the path it is given.

    Raises:
        OSError: If the disk is full; a file that was at `path` is still there.
    """
    temporary = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        with full_disk_said(path):
            write(temporary)
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def full_disk_said(path: pathlib.Path) -> Iterator[None]:
    """Says of a disk that is full what was to be written and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise OSError(
            f"No space left to write {path}; what the run has saved before is intact. "
            "Make room, then the same command goes on from there."
        ) from error


def is_part(path: pathlib.Path) -> bool:
    """Whether this is what a kill has left of `write_atomically`."""
    return path.name.startswith(".") and ".part" in path.name


def save_state(path: pathlib.Path, model: keras.Model, epoch: int) -> None:
    """Writes weights, optimizer and the number of finished epochs."""
    arrays = {
        f"{index:05d}": keras.ops.convert_to_numpy(variable)
        for index, variable in enumerate(_state(model))
    }
    write_atomically(path, lambda part: np.savez(part, epoch=epoch, **arrays))


def restore_state(path: pathlib.Path, model: keras.Model) -> int:
    """Puts back what `save_state` wrote; returns the number of finished epochs."""
    with np.load(path, allow_pickle=False) as file:
        for index, variable in enumerate(_state(model)):
            variable.assign(file[f"{index:05d}"])
        return int(file["epoch"])


def _state(model: keras.Model) -> list[keras.Variable]:
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.network.variables, *model.optimizer.variables]
