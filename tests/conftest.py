"""What the tests share: quiet backends, golden files, non-trivial weights."""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import json

import keras
import numpy as np
import pytest

from benchmarks.random_weights import randomised
from tests.browser import browser as browser  # a fixture of all tests


def pytest_addoption(parser):
    parser.addoption(
        "--skip-backend-independent",
        action="store_true",
        help="leave out the tests that another backend's run has made already",
    )


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--skip-backend-independent"):
        return
    out = [x for x in items if x.get_closest_marker("backend_independent")]
    config.hook.pytest_deselected(items=out)
    items[:] = [x for x in items if not x.get_closest_marker("backend_independent")]


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

    def loss(self, logits):
        """The sum whose gradients were recorded: logits times the cotangent."""
        return keras.ops.sum(keras.ops.multiply(logits, self.cotangent))

    def __getattr__(self, name):
        return self.arrays[name]


@pytest.fixture
def golden():
    return Golden


@pytest.fixture
def randomise():
    """Gives every weight of a model a value that is nowhere trivially 0 or 1."""
    return randomised


@pytest.fixture
def gradients():
    """`gradients(model, x, loss)` -> {path: array}, `loss` of the model's output."""

    def of(model, x, loss, training=False):
        variables = model.trainable_variables
        values = _gradients(model, x, loss, training)
        return {
            variable.path: keras.ops.convert_to_numpy(value)
            for variable, value in zip(variables, values, strict=True)
        }

    return of


def _gradients(model, x, loss, training):
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            value = loss(model(x, training=training))
        values = [v.value for v in model.trainable_variables]
        return tape.gradient(value, values, unconnected_gradients="zero")
    if backend == "jax":
        import jax

        def of_weights(weights):
            frozen = [v.value for v in model.non_trainable_variables]
            return loss(model.stateless_call(weights, frozen, x, training=training)[0])

        return jax.jit(jax.grad(of_weights))(
            [v.value for v in model.trainable_variables]
        )
    model.zero_grad()
    loss(model(x, training=training)).backward()
    values = [v.value for v in model.trainable_variables]
    return [0 * v.detach() if v.grad is None else v.grad for v in values]


@pytest.fixture
def quick_start(monkeypatch):
    """Random weights start from zero, so that large models are built at once."""

    def zeros(self, shape, dtype=None):
        return keras.ops.zeros(shape, dtype)

    for kind in (keras.initializers.RandomNormal, keras.initializers.RandomUniform):
        monkeypatch.setattr(kind, "__call__", zeros)


@pytest.fixture
def float64():
    """Lets the backend compute in float64, where that is a switch."""
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.fixture
def assert_torch_gradients():
    """Compares a model's gradients by path with recorded ones by torch name."""
    from keras_hybrid.weights.layout import to_keras_layout

    def check(model, ours, recorded, name_map, relative=1e-4):
        for name, norm in recorded.group("norm/").items():
            parts = name_map.unfuse({name: np.zeros(6)})
            found = [ours[name_map.find(part, ours)] for part in parts]
            found = np.sqrt(sum((gradient**2).sum() for gradient in found))
            np.testing.assert_allclose(found, norm, relative, 2e-5, err_msg=name)
        layers = {layer.path: layer for layer in model._flatten_layers()}
        full = recorded.group("gradient/")
        for name, gradient in name_map.unfuse(full).items():
            path = name_map.find(name, ours)
            layer, _, variable = path.rpartition("/")
            layer = layers[layer]
            expected = to_keras_layout(gradient, layer, variable)
            expected = name_map.reordered(expected, path, layer)
            atol = 3e-6 + relative * abs(gradient).max()  # some are 0 by theory
            np.testing.assert_allclose(ours[path], expected, 0, atol, err_msg=name)

    return check


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
