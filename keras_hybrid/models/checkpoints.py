"""Checkpoints: the files that `weights=` of a builder accepts.

Keras' own files are read here. `keras_hybrid.weights` registers a reader for torch's.
"""

import pathlib
from collections.abc import Callable, Collection, Sequence

import keras

_READERS: dict[str, Callable[[keras.Model, str], object]] = {}


def register_reader(
    suffixes: Sequence[str], reader: Callable[[keras.Model, str], object]
) -> None:
    """Registers a function that loads checkpoints with some suffixes.

    Args:
        suffixes: Suffixes with their dot, e.g. `(".safetensors",)`.
        reader: `reader(model, path)` assigns the weights of the model.
    """
    for suffix in suffixes:
        _READERS[suffix] = reader


def existing_checkpoint(
    path: str | pathlib.Path, suffixes: Collection[str] | None = None
) -> pathlib.Path:
    """The path of a checkpoint that exists and has a known suffix.

    Args:
        path: Where it should be.
        suffixes: The known suffixes; None takes all that have a reader.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If its suffix is unknown; the message lists the known ones.
    """
    path = pathlib.Path(path)
    suffixes = sorted(_READERS) if suffixes is None else suffixes
    if path.suffix not in suffixes:
        known = ", ".join(suffixes)
        raise ValueError(f"{path}: unknown kind of checkpoint; known: {known}.")
    if not path.is_file():
        raise FileNotFoundError(f"There is no checkpoint at {path}.")
    return path


def load_checkpoint(model: keras.Model, path: str | pathlib.Path) -> None:
    """Loads a checkpoint into a model of the same architecture.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If its suffix is unknown or it does not fit the model.
    """
    path = existing_checkpoint(path)
    _READERS[path.suffix](model, str(path))


def _load_keras(model: keras.Model, path: str) -> None:
    model.load_weights(path)


register_reader((".keras", ".h5"), _load_keras)
