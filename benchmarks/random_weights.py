"""Random weights for benchmarks and tests, nowhere 0 or 1."""

import keras
import numpy as np


def randomised(model: keras.Model) -> keras.Model:
    """Sets every weight to random values that are nowhere 0 or 1; returns the model."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        value = keras.ops.convert_to_numpy(weight)
        noise = rng.normal(size=value.shape)
        if weight.path.endswith("moving_variance"):
            value = rng.uniform(0.5, 1.5, value.shape)
        elif value.ndim <= 1:
            value = value + 0.1 * noise
        elif value.std() < 1e-3:
            value = 0.02 * noise
        weight.assign(value)
    return model
