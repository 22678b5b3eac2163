"""Checkpoints in: one routine, one table of names per published code."""

from keras_hybrid.models.checkpoints import register_reader
from keras_hybrid.weights.source import SUFFIXES
from keras_hybrid.weights.transfer import load_torch

register_reader(SUFFIXES, load_torch)

__all__ = ["load_torch"]
