"""Checkpoints in: one routine, and a name map per family and published code."""

import importlib
import pkgutil

from keras_hybrid.models.checkpoints import register_reader
from keras_hybrid.weights.name_map import NameMap, register_name_map
from keras_hybrid.weights.source import SUFFIXES
from keras_hybrid.weights.transfer import load_torch

for _module in pkgutil.iter_modules(__path__):  # each family registers its name maps
    importlib.import_module(f"{__name__}.{_module.name}")
register_reader(SUFFIXES, load_torch)

__all__ = ["NameMap", "load_torch", "register_name_map"]
