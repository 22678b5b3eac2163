"""Which backend Keras will use, before Keras is imported."""

import importlib.metadata
import json
import os
import pathlib
import sys

from keras_hybrid.utils.optional import is_installed

BACKENDS = ("tensorflow", "jax", "torch")
_OTHERS = ("numpy", "openvino")
"""Backends of Keras that run models but do not train."""
_PROGRAMS = ("keras-hybrid", "-m")  # how the command line begins
_HOW = "Choose one by KERAS_BACKEND, or install one: pip install 'keras_hybrid[torch]'."


def choose_backend() -> None:
    """Takes the only backend that is installed, if the configured one is not.

    `KERAS_BACKEND` is never overridden. Keras writes its default, tensorflow, to
    keras.json without being asked, so what that file names is no firm choice.

    Raises:
        ImportError: If no backend is installed, or the configured one is not and there
            are several others.
    """
    named = os.environ.get("KERAS_BACKEND")
    wanted = named or _from_keras_json() or BACKENDS[0]
    if "keras" in sys.modules or wanted in _OTHERS or is_installed(wanted):
        return
    there = installed_backends()
    if len(there) == 1 and not named:
        os.environ["KERAS_BACKEND"] = there[0]
        print(
            f"Keras runs on {there[0]}, the only backend that is installed.",
            file=sys.stderr,
        )
        return
    source = "KERAS_BACKEND" if named else "Keras' configuration"
    found = f"installed: {', '.join(there)}" if there else "and no other is"
    message = f"{source} names {wanted}, which is not installed; {found}. {_HOW}"
    if pathlib.Path(sys.argv[0]).name in _PROGRAMS:
        sys.exit(f"error: {message}")
    raise ImportError(message)


def installed_backends() -> tuple[str, ...]:
    """The backends that train and are installed; imports none."""
    return tuple(name for name in BACKENDS if is_installed(name))


def backend_version(name: str) -> str:
    """The version of an installed backend.

    Raises:
        PackageNotFoundError: If it is not installed.
    """
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:  # tensorflow-cpu and the like
        return importlib.metadata.version(f"{name}-cpu")


def _from_keras_json() -> str | None:
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    try:
        return json.loads((pathlib.Path(home) / "keras.json").read_text())["backend"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
