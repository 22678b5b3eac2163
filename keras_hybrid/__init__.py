"""Hybrid convolution-attention image classifiers for Keras 3."""

import importlib
from typing import TYPE_CHECKING, Any

from keras_hybrid.utils.backend import choose_backend

choose_backend()

from keras_hybrid import layers, models, ops, weights  # noqa: E402
from keras_hybrid.models import list_models  # noqa: E402

if TYPE_CHECKING:
    from keras_hybrid import analysis, data, export, inference, publish, train
    from keras_hybrid.inference import load

__version__ = "0.1.0"
__all__ = [
    "analysis",
    "data",
    "export",
    "inference",
    "layers",
    "list_models",
    "load",
    "models",
    "ops",
    "publish",
    "train",
    "weights",
]


def __getattr__(name: str) -> Any:
    """Imports the packages that take long when they are first used."""
    if name == "load":
        return importlib.import_module("keras_hybrid.inference").load
    if name in __all__:
        return importlib.import_module(f"keras_hybrid.{name}")
    raise AttributeError(f"module 'keras_hybrid' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
