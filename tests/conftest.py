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
    """Training-mode outputs and gradients of sum(outputs * direction), by path."""

    def compute(model, x, direction, training=True):
        backend = keras.backend.backend()
        variables = model.trainable_variables
        direction = keras.ops.convert_to_tensor(direction)
        if backend == "jax":
            import jax

            def loss(values):
                rest = [v.value for v in model.non_trainable_variables]
                out, _ = model.stateless_call(values, rest, x, training=training)
                return (out * direction).sum(), out

            values = [v.value for v in variables]
            found, out = jax.grad(loss, has_aux=True)(values)
        elif backend == "tensorflow":
            import tensorflow as tf

            with tf.GradientTape() as tape:
                out = model(x, training=training)
                loss = tf.reduce_sum(out * direction)
            values = [v.value for v in variables]
            found = tape.gradient(loss, values, unconnected_gradients="zero")
        else:
            out = model(x, training=training)
            (out * direction).sum().backward()
            found = [v.value.grad for v in variables]
            found = [
                0 * v.value if g is None else g
                for g, v in zip(found, variables, strict=True)
            ]
        named = {
            v.path: keras.ops.convert_to_numpy(g)
            for v, g in zip(variables, found, strict=True)
        }
        return keras.ops.convert_to_numpy(out), named

    return compute


@pytest.fixture
def facts():
    """What a model is made of: names, settings, shapes."""

    def collect(model):
        return [
            (
                layer.name,
                str(layer.get_config()),
                [tuple(x.shape) for x in keras.tree.flatten(layer.output)],
                [tuple(w.shape) for w in layer.weights],
            )
            for layer in model.layers
        ]

    return collect
