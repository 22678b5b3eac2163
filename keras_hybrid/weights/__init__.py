"""Public torch checkpoints in: one routine, one table of names per published code."""

from keras_hybrid.weights.transfer import load_torch

__all__ = ["load_torch"]
