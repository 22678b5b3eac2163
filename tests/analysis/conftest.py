"""A ConViT that is small enough for NumPy, with random weights."""

import keras
import numpy as np
import pytest

from keras_hybrid import models
from tests.analysis.reference import ConViT

# JAX takes minutes to compile a network of every family; it tests ConViT only.
slow_on_jax = pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="compiles many networks"
)
CONFIG = {"depth": 3, "gpsa_layers": 2, "width": 16, "heads": 4, "patch_size": 8}
GRID = (4, 3)


def build(**changes):
    settings = {"input_shape": (32, 24, 3), "classes": 5, "drop_path_rate": 0.0}
    return models.ConViT(**settings | CONFIG | changes)


@pytest.fixture
def convit(randomise):
    """`(model, the same network in NumPy, two images)`."""
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    model = randomise(build())
    for variable in model.trainable_variables:
        path = variable.path
        if path.endswith("/kernel") and len(variable.shape) == 2:
            sharp = path.endswith(("query/kernel", "key/kernel"))
            noise = rng.normal(scale=1 if sharp else 0.3, size=variable.shape)
            variable.assign(noise)  # attention and outputs far from uniform
    images = rng.uniform(0, 255, (2, 32, 24, 3)).astype("float32")
    return model, ConViT(model, CONFIG), images
