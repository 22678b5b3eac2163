"""Runs on the same test images, side by side."""

from keras_hybrid.inference.compare.comparison import Comparison, compare

__all__ = ["Comparison", "compare"]
