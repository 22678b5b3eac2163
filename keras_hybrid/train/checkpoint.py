"""The state of a run in one file, written atomically."""

import contextlib
import pathlib
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from keras_hybrid.utils.files import write_atomically

FILE = "checkpoint.npz"
"""Name of the file in the workdir."""


def save_state(path: pathlib.Path, model: keras.Model, epoch: int) -> None:
    """Writes weights, optimizer and the number of finished epochs."""
    save_variables(path, _state(model), epoch=epoch)


def restore_state(path: pathlib.Path, model: keras.Model) -> int:
    """Restores what `save_state` wrote; returns the number of finished epochs."""
    restore_variables(path, _state(model))
    return int(read_facts(path)["epoch"])


def save_variables(
    path: pathlib.Path, variables: Sequence[keras.Variable], **facts: float
) -> None:
    """Writes the values of variables, in their order, and some numbers by name."""
    arrays = {
        f"{index:05d}": keras.ops.convert_to_numpy(variable)
        for index, variable in enumerate(variables)
    } | {name: np.array(fact) for name, fact in facts.items()}
    write_atomically(path, lambda part: np.savez(part, **arrays))


def restore_variables(path: pathlib.Path, variables: Sequence[keras.Variable]) -> None:
    """Gives variables the values that `save_variables` wrote."""
    with np.load(path, allow_pickle=False) as file:
        for index, variable in enumerate(variables):
            variable.assign(file[f"{index:05d}"])


def read_facts(path: pathlib.Path) -> dict[str, float]:
    """The numbers by name that `save_variables` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name].item() for name in file.files if not name.isdigit()}


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
