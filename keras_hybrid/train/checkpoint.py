"""The state of a run in one file, written atomically; the one before it is kept."""

import contextlib
import functools
import os
import pathlib
import shutil
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from keras_hybrid.utils.files import write_atomically
from keras_hybrid.utils.guard import open_arrays

FILE = "checkpoint.npz"
"""Name of the file in the workdir."""
FORMER = "checkpoint_former.npz"
"""Name of the one that was saved before it."""


def save_state(path: pathlib.Path, model: keras.Model, epoch: int) -> None:
    """Writes weights, optimizer and the number of finished epochs."""
    save_variables(path, _state(model), keep_former=True, epoch=epoch)


def restore_state(
    path: pathlib.Path, model: keras.Model, most: int | None = None
) -> int:
    """Restores what `save_state` wrote, or before that, if the file is damaged.

    Args:
        path: The newest checkpoint.
        model: The model.
        most: The number of epochs that the log has whole; a checkpoint of more is not
            used. None takes any.

    Returns:
        The number of finished epochs; 0 if there is no checkpoint.

    Raises:
        ValueError: If the file is damaged and there is none before it.
    """
    reasons = []
    for file in (path, path.with_name(FORMER)):
        if not file.exists():
            continue
        try:
            epoch = round(read_facts(file).get("epoch", 0))
            if most is not None and epoch > most:
                raise ValueError(
                    f"{file} has {epoch} epochs, but metrics.jsonl only {most} whole"
                    " ones"
                )
            restore_variables(file, _state(model))
        except ValueError as error:
            reasons.append(str(error))
            continue
        if reasons:
            print(f"{reasons[0]}; its predecessor is used.", flush=True)
            write_atomically(path, functools.partial(shutil.copyfile, file))
        return epoch
    if reasons:
        raise ValueError(
            f"{reasons[0]}, and there is no whole checkpoint before it: --overwrite "
            "repeats the run."
        )
    return 0


def save_variables(
    path: pathlib.Path,
    variables: Sequence[keras.Variable],
    keep_former: bool = False,
    **facts: float,
) -> None:
    """Writes the values of variables, in their order, and some numbers by name.

    Args:
        path: The file.
        variables: The variables.
        keep_former: Whether a file that is there becomes `FORMER`.
        facts: The numbers.
    """
    arrays = {
        f"{index:05d}": keras.ops.convert_to_numpy(variable)
        for index, variable in enumerate(variables)
    } | {name: np.array(fact) for name, fact in facts.items()}

    def write(part: pathlib.Path) -> None:
        np.savez(part, **arrays)
        if keep_former and path.exists():
            _copy(path, path.with_name(FORMER))

    write_atomically(path, write)


def restore_variables(path: pathlib.Path, variables: Sequence[keras.Variable]) -> None:
    """Gives variables the values that `save_variables` wrote.

    Raises:
        ValueError: If the file is damaged or of other variables; none is changed.
    """
    with open_arrays(path) as file:
        names = [f"{index:05d}" for index in range(len(variables))]
        if missing := set(names) ^ {x for x in file.files if x.isdigit()}:
            raise ValueError(
                f"{path} is of another model or version: it lacks, or has beyond the "
                f"model's, {len(missing)} variables"
            )
        values = [file[name] for name in names]
    for name, value, variable in zip(names, values, variables, strict=True):
        if value.shape != tuple(variable.shape):
            raise ValueError(
                f"{path} is of another model: variable {name} has the shape "
                f"{value.shape}, not {tuple(variable.shape)}"
            )
    for value, variable in zip(values, variables, strict=True):
        variable.assign(value)


def damage_of(path: pathlib.Path) -> str:
    """What is wrong with a checkpoint; an empty text if it can be read whole."""
    try:
        read_facts(path)
        with open_arrays(path) as file:
            for name in file.files:
                file[name]
    except ValueError as error:
        return str(error)
    return ""


def read_facts(path: pathlib.Path) -> dict[str, float]:
    """The numbers by name that `save_variables` wrote.

    Raises:
        ValueError: If the file is damaged.
    """
    with open_arrays(path) as file:
        facts = {name: file[name] for name in file.files if not name.isdigit()}
    for name, fact in facts.items():
        if fact.size != 1 or fact.dtype.kind not in "iufb" or not np.isfinite(fact):
            raise ValueError(f"{path} is damaged: {name} in it is no number")
    return {name: fact.item() for name, fact in facts.items()}


def _copy(path: pathlib.Path, target: pathlib.Path) -> None:
    """A second name of the file or, where the file system has none, a copy."""
    target.unlink(missing_ok=True)
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)


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
