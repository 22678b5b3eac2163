"""Opening a .keras file that may be damaged or hostile."""

import json
import pathlib
import zipfile
from collections.abc import Iterator
from typing import Any

import keras

import keras_hybrid.layers  # noqa: F401  registers the layers
from keras_hybrid.utils.errors import first_line

# What a model file may be made of; nothing else is looked up, let alone called.
_MODULES = ("keras", "keras_hybrid")
_LARGEST_CONFIG = 2**26  # bytes


def keras_file(path: pathlib.Path) -> pathlib.Path:
    """The .keras file that a path means: itself, or a run's folder's model."""
    return path / "model.keras" if (path / "model.keras").exists() else path


def load_keras(path: pathlib.Path) -> keras.Model:
    """Loads a .keras file of layers of Keras and of this package, and of no others.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, no model file, or has foreign code in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no model at {path}.")
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path} is truncated or no .keras file; train or copy it again."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(archive, path.stat().st_size)
            foreign = set(_unknown_objects(json.loads(archive.read("config.json"))))
        if foreign:
            raise ValueError(
                f"it is made with {', '.join(sorted(foreign))}, which is neither of "
                "Keras nor of this package, and may run any code"
            )
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds for a bad archive
        raise ValueError(f"{path} cannot be loaded: {first_line(error)}") from error
    if not isinstance(model, keras.Model):
        raise ValueError(f"{path} holds a {type(model).__name__}, no model.")
    return model


def _check_sizes(archive: zipfile.ZipFile, size: int) -> None:
    """Refuses what unpacks to far more than there is, and damaged members."""
    members = {info.filename: info.file_size for info in archive.infolist()}
    if "config.json" not in members:
        raise ValueError("it has no config.json, so that it is no .keras file")
    if members["config.json"] > _LARGEST_CONFIG or sum(members.values()) > 100 * size:
        raise ValueError("it would unpack to far more than its own size")
    damaged = archive.testzip()
    if damaged:
        raise ValueError(f"its {damaged} is damaged")


def _unknown_objects(config: Any) -> Iterator[str]:
    """Classes and functions in a config that are neither Keras' nor this package's."""
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
        return str(config.get("config")).startswith("keras_hybrid>")
    registered = config.get("registered_name") or ""
    return module.split(".")[0] in _MODULES or registered.startswith("keras_hybrid>")
