"""Opening a .keras file that may be damaged or hostile."""

import json
import pathlib
import zipfile
from collections.abc import Iterator
from typing import Any

import keras

from keras_hybrid.models.registry import ENTRY_POINTS  # and registers the layers
from keras_hybrid.utils.errors import first_line
from keras_hybrid.utils.plugins import load_plugins

_LARGEST_CONFIG = 2**26  # bytes


def keras_file(path: pathlib.Path) -> pathlib.Path:
    """The .keras file at a path: the file itself, or `model.keras` in its folder."""
    return path / "model.keras" if (path / "model.keras").exists() else path


def load_keras(path: pathlib.Path) -> keras.Model:
    """Loads a .keras file that consists of layers of Keras and of registered ones.

    Registered are this package's layers, those that this process has registered with
    Keras, and those of installed packages with an entry point for models. Nothing else
    in the file is looked up, let alone called.

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
        with zipfile.ZipFile(path) as archive:
            _check_sizes(archive, path.stat().st_size)
            config = json.loads(archive.read("config.json"))
        if any(_unknown_objects(config)):
            load_plugins(ENTRY_POINTS)
        if foreign := set(_unknown_objects(config)):
            raise ValueError(
                f"it is made with {', '.join(sorted(foreign))}, which belongs to "
                "neither Keras, this package nor an installed plugin, and may run any "
                "code"
            )
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds for a bad archive
        raise ValueError(f"{path} cannot be loaded: {first_line(error)}") from error
    if not isinstance(model, keras.Model):
        raise ValueError(f"{path} holds a {type(model).__name__}, no model.")
    return model


def _check_sizes(archive: zipfile.ZipFile, size: int) -> None:
    """Raises for members that are damaged or unpack to far more than their size."""
    members = {info.filename: info.file_size for info in archive.infolist()}
    if "config.json" not in members:
        raise ValueError("it has no config.json, so that it is no .keras file")
    if members["config.json"] > _LARGEST_CONFIG or sum(members.values()) > 100 * size:
        raise ValueError("it would unpack to far more than its own size")
    damaged = archive.testzip()
    if damaged:
        raise ValueError(f"its {damaged} is damaged")


def _unknown_objects(config: Any) -> Iterator[str]:
    """Classes and functions in a config that are neither Keras' nor registered."""
    if isinstance(config, dict):
        if "class_name" in config and not _is_known(config):
            module = config.get("module") or "unknown"
            yield f"{module}.{config['class_name']}"
        config = config.values()
    if not isinstance(config, str) and hasattr(config, "__iter__"):
        for value in config:
            yield from _unknown_objects(value)


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
