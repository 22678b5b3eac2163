"""What an NVIDIA GPU is given, in inference and in a whole training step."""

import json
import pathlib

import keras
import numpy as np
import pytest

from benchmarks.costs import NETWORKS, build
from keras_hybrid.data.augmentation import Augmentation
from keras_hybrid.train.augmented import Augmented
from keras_hybrid.train.remat import RematAugmented
from tests.benchmarks.hopper import (
    ATTENTION,
    custom_calls,
    hopper,
    lowered,
    operations,
)

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="lowers with JAX"
)
PINNED = json.loads((pathlib.Path(__file__).parent / "gpu_operations.json").read_text())
BATCH = 4
every_network = pytest.mark.parametrize("family", NETWORKS)
every_precision = pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])


@pytest.fixture(autouse=True)
def as_on_hopper():
    with hopper():
        yield


def network(family, precision):
    keras.config.set_dtype_policy(precision)
    try:
        return build(family)
    finally:
        keras.config.set_dtype_policy("float32")


def values(variables):
    return [x.value for x in variables]


def inference(model):
    """StableHLO of the network's output."""
    return lowered(
        lambda trainable, others, x: model.stateless_call(trainable, others, x)[0],
        values(model.trainable_variables),
        values(model.non_trainable_variables),
        np.zeros((BATCH, *model.input_shape[1:]), "float32"),
    )


def training(model):
    """StableHLO of Keras' own training step, augmentation included."""
    sizes = model.network.input_shape[1:3]
    augmentation = Augmentation(
        horizontal_flip=True, padding=4, rand_augment=9, mixup=0.8, cutmix=1.0
    )
    draws, _ = augmentation.sample(np.random.default_rng(0), BATCH, *sizes)
    draws["images"] = np.zeros((BATCH, *sizes, 3), "uint8")
    labels = np.eye(10, dtype="float32")[:BATCH]
    model.compile("adamw", keras.losses.CategoricalCrossentropy(from_logits=True))
    model._symbolic_build(data_batch=(draws, labels))
    model.optimizer.build(model.trainable_variables)
    state = (
        values(model.trainable_variables),
        values(model.non_trainable_variables),
        values(model.optimizer.variables),
        values(model.metrics_variables),
    )
    return lowered(model.train_step, state, (draws, labels))


def check(text, name, precision):
    """Nothing that a GPU computes slowly or not at all, and no more than is pinned."""
    assert "f64>" not in text and "tensor<?" not in text
    calls = custom_calls(text)
    assert all(call.startswith(ATTENTION) for call in calls)
    assert bool(calls) == (precision == "mixed_bfloat16")  # cuDNN has no float32
    assert operations(text) <= 1.02 * PINNED[name][precision]
    return calls


@every_precision
@every_network
def test_inference(family, precision):
    text = inference(network(family, precision))
    check(text, f"{family} inference", precision)
    assert "stablehlo.while" not in text


@pytest.mark.parametrize(
    "precision, kind",
    [
        ("float32", Augmented),
        ("mixed_bfloat16", Augmented),
        ("mixed_bfloat16", RematAugmented),
    ],
)
@every_network
def test_training(family, precision, kind, caplog):
    text = training(kind(network(family, precision), 128.0))
    calls = check(text, f"{family} {kind.__name__}", precision)
    assert "Failed to apply" not in caplog.text  # Keras tried cuDNN in vain
    if calls:
        assert any(call.endswith("Backward") for call in calls)
    # RandAugment's two stages, augmented once; no loop of a form for CPUs
    assert text.count("stablehlo.while") == 1
    assert "select_and_scatter" not in text
