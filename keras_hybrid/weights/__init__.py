"""Published checkpoints: where they are, and how each becomes a model's weights."""

import importlib
import pkgutil

from keras_hybrid.models.checkpoints import register_reader
from keras_hybrid.weights.name_map import NameMap, Writing, register_name_map
from keras_hybrid.weights.source import SUFFIXES
from keras_hybrid.weights.table import (
    Published,
    list_published,
    published,
    register_published,
)
from keras_hybrid.weights.transfer import load_torch
from keras_hybrid.weights.write import save_torch, to_torch

for _module in pkgutil.iter_modules(__path__):  # each family registers its name maps
    importlib.import_module(f"{__name__}.{_module.name}")
register_reader(
    SUFFIXES, lambda model, path: load_torch(model, path, head="if_same_classes")
)

__all__ = [
    "NameMap",
    "Published",
    "Writing",
    "list_published",
    "load_torch",
    "published",
    "register_name_map",
    "register_published",
    "save_torch",
    "to_torch",
]
