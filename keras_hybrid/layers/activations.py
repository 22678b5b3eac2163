"""Activations that Keras does not have."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_hybrid")
def quick_gelu(x):
    """x * sigmoid(1.702 x), the approximation of GELU that CvT was trained with."""
    return x * ops.sigmoid(1.702 * x)
