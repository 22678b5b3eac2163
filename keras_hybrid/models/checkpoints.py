"""Readers of checkpoints: what `weights=` of a builder accepts.

Keras' own files are read here. Other packages register readers for other files.
"""

import pathlib
from collections.abc import Callable, Sequence

import keras

_READERS: dict[str, Callable[[keras.Model, str], object]] = {}


def register_reader(
    suffixes: Sequence[str], reader: Callable[[keras.Model, str], object]
) -> None:
    """Registers how checkpoints with these suffixes are loaded.

    Args:
        suffixes: E.g. `(".safetensors",)`.
        reader: `(model, path)`; it assigns the model's weights.
    """
    for suffix in suffixes:
        _READERS[suffix] = reader


def load_checkpoint(model: keras.Model, path: str) -> None:
    """Loads a checkpoint into a model of the same architecture.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If no reader knows its suffix, or it does not fit.
    """
    suffix = pathlib.PurePath(path).suffix
    if suffix not in _READERS:
        known = ", ".join(sorted(_READERS))
        raise ValueError(f"{path}: unknown kind of checkpoint; known: {known}.")
    if not pathlib.Path(path).is_file():
        raise FileNotFoundError(f"There is no checkpoint at {path}.")
    _READERS[suffix](model, path)


def _load_keras(model: keras.Model, path: str) -> None:
    model.load_weights(path)


register_reader((".keras", ".h5"), _load_keras)
