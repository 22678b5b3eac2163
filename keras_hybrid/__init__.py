"""Hybrid convolution-attention image classifiers for Keras 3."""

from keras_hybrid import layers, models, ops, weights
from keras_hybrid.models import list_models

__version__ = "0.1.0"
__all__ = ["layers", "list_models", "models", "ops", "weights"]
