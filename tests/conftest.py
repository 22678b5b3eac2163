"""What the tests share: quiet backends, golden files, non-trivial weights."""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import json

import keras
import numpy as np
import pytest

GOLDEN = pathlib.Path(__file__).parent / "golden"


class Golden:
    """A reference network: its weights, an input and what it answered."""

    def __init__(self, name):
        with np.load(GOLDEN / f"{name}.npz") as file:
            arrays = {key: file[key] for key in file.files}
        self.config = json.loads(str(arrays.pop("config", "{}")))
        self.arrays = arrays
        self.state_dict = self.group("sd/")
        self.taps = self.group("tap/")

    def group(self, prefix):
        return {
            key.removeprefix(prefix): value
            for key, value in self.arrays.items()
            if key.startswith(prefix)
        }

    def __getattr__(self, name):
        return self.arrays[name]


@pytest.fixture
def golden():
    return Golden


@pytest.fixture
def randomise():
    """Gives every weight of a model a value that is nowhere trivially 0 or 1."""

    def apply(model, seed=0):
        rng = np.random.default_rng(seed)
        for variable in model.variables:
            if "seed_generator" in variable.path:
                continue
            value = keras.ops.convert_to_numpy(variable)
            noise = rng.normal(size=value.shape).astype("float32")
            if variable.path.endswith("moving_variance"):
                value = rng.uniform(0.5, 1.5, value.shape).astype("float32")
            elif value.ndim <= 1:
                value = value + 0.1 * noise
            elif value.std() < 1e-3:
                value = 0.02 * noise
            variable.assign(value)
        return model

    return apply


@pytest.fixture
def gradients():
    """`gradients(model, loss)` -> {path: array}, `loss` a function of the output."""

    def of(model, x, loss):
        variables = model.trainable_variables
        return {
            variable.path: keras.ops.convert_to_numpy(value)
            for variable, value in zip(
                variables, _gradients(model, x, loss), strict=True
            )
        }

    return of


def _gradients(model, x, loss):
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            value = loss(model(x, training=False))
        return tape.gradient(value, [v.value for v in model.trainable_variables])
    if backend == "jax":
        import jax

        def of_weights(weights):
            frozen = [v.value for v in model.non_trainable_variables]
            return loss(model.stateless_call(weights, frozen, x, training=False)[0])

        return jax.jit(jax.grad(of_weights))(
            [v.value for v in model.trainable_variables]
        )
    model.zero_grad()
    loss(model(x, training=False)).backward()
    return [v.value.grad for v in model.trainable_variables]
