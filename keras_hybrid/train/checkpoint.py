"""The state of a run in one file, written atomically."""

import contextlib
import pathlib
from collections.abc import Iterator

import keras
import numpy as np

from keras_hybrid.utils.files import write_atomically


def save_state(path: pathlib.Path, model: keras.Model, epoch: int) -> None:
    """Writes weights, optimizer and the number of finished epochs."""
    arrays = {
        f"{index:05d}": keras.ops.convert_to_numpy(variable)
        for index, variable in enumerate(_state(model))
    }
    write_atomically(path, lambda part: np.savez(part, epoch=epoch, **arrays))


def restore_state(path: pathlib.Path, model: keras.Model) -> int:
    """Restores what `save_state` wrote; returns the number of finished epochs."""
    with np.load(path, allow_pickle=False) as file:
        for index, variable in enumerate(_state(model)):
            variable.assign(file[f"{index:05d}"])
        return int(file["epoch"])


@contextlib.contextmanager
def preserve_state(model: keras.Model) -> Iterator[None]:
    """Steps taken within are undone on exit."""
    state = [keras.ops.convert_to_numpy(v).copy() for v in _state(model)]
    yield
    for variable, value in zip(_state(model), state, strict=True):
        variable.assign(value)
    model.reset_metrics()


def _state(model: keras.Model) -> list[keras.Variable]:
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    extra = model.gabor_loss.variables if model.gabor_loss else []
    return [*model.network.variables, *extra, *model.optimizer.variables]
