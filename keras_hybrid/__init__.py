"""Hybrid convolution-attention image classifiers for Keras 3."""

from keras_hybrid.utils.backend import choose_backend

choose_backend()

from keras_hybrid import layers, models, ops, weights  # noqa: E402
from keras_hybrid.models import list_models  # noqa: E402

__version__ = "0.1.0"
__all__ = ["layers", "list_models", "models", "ops", "weights"]
