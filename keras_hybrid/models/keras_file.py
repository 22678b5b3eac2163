"""Opening a .keras file that may be damaged or hostile."""

import contextlib
import io
import math
import pathlib
import zipfile
from collections.abc import Iterator
from typing import Any

import keras

from keras_hybrid.models.precision import in_float32
from keras_hybrid.models.registry import ENTRY_POINTS  # and registers the layers
from keras_hybrid.utils.card_fields import LARGEST_INPUT
from keras_hybrid.utils.errors import first_line
from keras_hybrid.utils.guard import check_hdf5, open_zip, parse_json
from keras_hybrid.utils.plugins import load_plugins

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
_BEYOND_WEIGHTS = 2**26
"""Bytes of variables that a configuration may declare beyond those in the file."""


def keras_file(path: pathlib.Path) -> pathlib.Path:
    """The .keras file at a path: the file itself, or `model.keras` in its folder."""
    return path / "model.keras" if (path / "model.keras").exists() else path


def load_keras(path: pathlib.Path) -> keras.Model:
    """Loads a .keras file that consists of layers of Keras and of registered ones.

    Registered are this package's layers, those that this process has registered with
    Keras, and those of installed packages with an entry point for models. Nothing else
    in the file is looked up, let alone called. No more memory is taken than its weights
    need. A model in mixed precision computes in float32 afterwards.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, no model file, or has foreign code in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no model at {path}.")
    if path.suffix in (".onnx", ".tflite", ".xml"):
        raise ValueError(f"{path} is an exported file; give the .keras file it is of.")
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} is truncated or no .keras file; train or copy it again."
        )
    try:
        config = read_config(path)
        weights = check_keras_file(path)
        if any(_unknown_objects(config)):
            load_plugins(ENTRY_POINTS)
        if foreign := set(_unknown_objects(config)):
            raise ValueError(
                f"it is made with {', '.join(sorted(foreign))}, which belongs to "
                "neither Keras, this package nor an installed plugin, and may run any "
                "code"
            )
        _check_inputs(config)
        with _limited_variables(4 * weights + _BEYOND_WEIGHTS):  # the file may be int8
            model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds for a bad archive
        raise ValueError(f"{path} cannot be loaded: {first_line(error)}") from error
    if not isinstance(model, keras.Model):
        raise ValueError(f"{path} holds a {type(model).__name__}, no model.")
    return in_float32(model)


def read_config(path: pathlib.Path) -> Any:
    """The configuration in a .keras file, and nothing else of it.

    Raises:
        ValueError: If the archive is damaged, or is none.
    """
    with open_zip(path) as archive:
        if CONFIG not in archive.namelist():
            raise ValueError("it has no config.json, so that it is no .keras file")
        return parse_json(archive.read(CONFIG), CONFIG)


def check_keras_file(path: pathlib.Path) -> int:
    """Checks that the weights of a .keras file are whole; returns their bytes.

    Raises:
        ValueError: If they are damaged, or declare more than they hold.
    """
    with open_zip(path) as archive:
        if damaged := archive.testzip():
            raise ValueError(f"its {damaged} is damaged")
        if WEIGHTS not in archive.namelist():
            raise ValueError(f"it has no {WEIGHTS}, so that it is no .keras file")
        stored = archive.getinfo(WEIGHTS).file_size
        content = io.BytesIO(archive.read(WEIGHTS))
    return check_hdf5(content, stored, WEIGHTS)


def _check_inputs(config: Any) -> None:
    """Refuses inputs for which layers would make enormous tables."""
    for entry in _dicts(config):
        if entry.get("class_name") == "InputLayer":
            shape = entry["config"].get("batch_shape") or entry["config"]["shape"]
            if math.prod(x or 1 for x in shape) > LARGEST_INPUT:
                raise ValueError(f"its input of shape {shape} is larger than any image")


@contextlib.contextmanager
def _limited_variables(budget: int) -> Iterator[None]:
    """Within, layers raise ValueError before their variables exceed so many bytes."""
    add_weight = keras.Layer.add_weight
    left = budget

    def add_weight_within_budget(
        layer: keras.Layer, shape: Any = None, *args: Any, **options: Any
    ) -> keras.Variable:
        nonlocal left
        left -= 4 * math.prod(shape or ())
        if left < 0:
            raise ValueError(
                f"{layer.name} declares weights of shape {tuple(shape)}, larger than "
                "those in the file"
            )
        return add_weight(layer, shape, *args, **options)

    keras.Layer.add_weight = add_weight_within_budget
    try:
        yield
    finally:
        keras.Layer.add_weight = add_weight


def _dicts(config: Any) -> Iterator[dict[str, Any]]:
    """All objects in a configuration."""
    if isinstance(config, dict):
        yield config
        config = config.values()
    if not isinstance(config, str) and hasattr(config, "__iter__"):
        for value in config:
            yield from _dicts(value)


def _unknown_objects(config: Any) -> Iterator[str]:
    """Classes and functions in a config that are neither Keras' nor registered."""
    for entry in _dicts(config):
        if "class_name" in entry and not _is_known(entry):
            module = entry.get("module") or "unknown"
            yield f"{module}.{entry['class_name']}"


def _is_known(config: dict) -> bool:
    name, module = config["class_name"], config.get("module") or "keras"
    if name in ("Lambda", "__lambda__", "__typespec__"):
        return False
    if name == "function":
        return _is_registered(config.get("config"))
    return module.split(".")[0] == "keras" or _is_registered(
        config.get("registered_name")
    )


def _is_registered(name: Any) -> bool:
    return isinstance(name, str) and bool(keras.saving.get_registered_object(name))
