"""What regularises a run, against its formula, on whatever backend runs."""

import re

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.data import Augmentation, Batches
from keras_hybrid.train import (
    ProgressSchedule,
    decayed_variables,
    make_optimizer,
    summary,
)
from keras_hybrid.train.augmented import Augmented
from keras_hybrid.train.fit import fit
from tests.small import FAMILIES, small
from tests.train.tiny import CLASSES, images, network, recipe


def value(tensor):
    return keras.ops.convert_to_numpy(tensor).copy()


def steps_of_dense(optimizer, count, batches=None):
    """The kernel after each of `count` steps, and the model."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
    model.compile(optimizer(model), "mse")
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        x, y = rng.normal(size=(8, 5)), rng.normal(size=(8, 2))
        for part in batches or [slice(None)]:
            model.train_on_batch(x[part].astype("float32"), y[part].astype("float32"))
            found.append(value(model.trainable_variables[0]))
    return found, model


def test_the_average_is_its_formula():
    kernels, model = steps_of_dense(
        lambda m: make_optimizer("adamw", m, 0.1, 0.0, None, ema_momentum=0.8), 6
    )
    average = kernels[0]  # it starts from the weights after the first update
    for kernel in kernels[1:]:
        average = 0.8 * average + 0.2 * kernel
    model.optimizer.finalize_variable_values(model.trainable_variables)
    found = value(model.trainable_variables[0])
    np.testing.assert_allclose(found, average, rtol=1e-4, atol=1e-6)
    assert abs(average - kernels[-1]).max() > 0.02


HALVES = [slice(0, 4), slice(4, 8)]


def test_two_half_batches_are_one_whole():
    whole, _ = steps_of_dense(lambda m: make_optimizer("adamw", m, 0.1, 0.1, 1.0), 4)
    halves, model = steps_of_dense(
        lambda m: make_optimizer(
            "adamw", m, 0.1, 0.1, 1.0, gradient_accumulation_steps=2
        ),
        4,
        HALVES,
    )
    for update, kernel in enumerate(whole):
        np.testing.assert_allclose(halves[2 * update + 1], kernel, atol=1e-4)
    np.testing.assert_array_equal(halves[1], halves[2])  # only gathered
    assert int(model.optimizer.iterations) == 4


def test_accumulation_leaves_the_memory_of_the_average():
    """An update's weights, seen at two steps, count as once without accumulation."""
    kernels, model = steps_of_dense(
        lambda m: make_optimizer(
            "adamw", m, 0.1, 0.0, None, ema_momentum=0.8, gradient_accumulation_steps=2
        ),
        4,
        HALVES,
    )
    step = 0.8**0.5
    average = kernels[1]  # no update before the second step
    for kernel in kernels[2:]:
        average = step * average + (1 - step) * kernel
    model.optimizer.finalize_variable_values(model.trainable_variables)
    found = value(model.trainable_variables[0])
    np.testing.assert_allclose(found, average, rtol=1e-4, atol=1e-6)


@pytest.mark.backend_independent
@pytest.mark.parametrize("name", FAMILIES.values())
def test_drop_path_grows_linearly_over_the_blocks(name):
    model = small(name, drop_path_rate=0.3)
    rates = {}
    for layer in model.layers:
        if block := re.match(r"(?:(stage\d+)_)?((?:block|attention)\d+)_", layer.name):
            rates.setdefault(block.groups(), set())
            if layer.name.endswith("drop_path"):
                rates[block.groups()].add(round(layer.rate, 6))
    blocks = list(rates)
    if models.get(name).family.name in ("CvT", "ATC"):
        # in the last stage alone, as published
        assert not any(rates[key] for key in blocks if key[0] != "stage3")
        blocks = [key for key in blocks if key[0] == "stage3"]
    assert len(blocks) > 1
    for number, key in enumerate(blocks):
        expected = round(0.3 * number / (len(blocks) - 1), 6)
        assert rates[key] == ({expected} if expected else set()), key


@pytest.mark.backend_independent
@pytest.mark.parametrize("name", FAMILIES.values())
def test_decay_is_of_kernels_alone(name):
    # GPSA's projection of positions is a kernel; the table of LCA is the one of
    # CeiT's tables that its published list leaves out
    kernels = {"kernel", "position_kernel", "position"}
    model = small(name)
    decayed = {variable.path for variable in decayed_variables(model)}
    for variable in model.trainable_variables:
        assert (variable.path in decayed) == (variable.name in kernels), variable.path


EVERY = {
    "random_crop": (0.5, 1.0),
    "horizontal_flip": True,
    "rand_augment": 9.0,
    "color_jitter": 0.3,
    "random_erasing": 0.5,
    "mixup": 0.8,
    "cutmix": 1.0,
}


def test_the_schedule_counts_every_step(tmp_path):
    """Repeats and accumulation change neither an epoch's length nor its rates."""
    model = network()
    settings = recipe(gradient_accumulation_steps=2, repeated_augmentation=3, epochs=3)
    fit(settings, tmp_path, model, images(26), None)
    steps = 26 // 4
    schedule = ProgressSchedule(1e-3, 1e-5, 0.5 / 3, 3 * steps)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    rates = [float(re.search(r'"learning_rate": ([\d.e-]+)', x)[1]) for x in lines]
    expected = [float(value(schedule(steps * epoch))) for epoch in (1, 2, 3)]
    np.testing.assert_allclose(rates, expected, rtol=1e-4)
    np.testing.assert_allclose(rates[-1], 1e-5, rtol=1e-4)


def test_images_on_the_device_train_the_same(tmp_path):
    weights = []
    for resident in ("off", "on"):
        directory = tmp_path / resident
        directory.mkdir()
        model = network(dropout=0.3)
        fit(recipe(cache_on_device=resident, **EVERY), directory, model, images(), None)
        weights.append([value(v) for v in model.variables])
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


def test_validation_and_the_result_are_of_averaged_weights(tmp_path):
    model = network()
    fit(
        recipe(ema_momentum=0.9, learning_rate=0.1),
        tmp_path,
        model,
        images(),
        images(9),
    )
    last = (tmp_path / "metrics.jsonl").read_text().splitlines()[-1]
    seen = float(re.search(r'"val_loss": ([\d.]+)', last)[1])
    with np.load(tmp_path / "checkpoint.npz") as file:
        trained = [file[f"{n:05d}"] for n in range(len(model.variables))]
    averaged = [value(v) for v in model.variables]
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    labels = np.eye(CLASSES)[images(9).labels]
    smooth = 0.9 * labels + 0.1 / CLASSES

    def validated():
        return float(value(loss(smooth, model(images(9).images.astype("float32")))))

    np.testing.assert_allclose(seen, validated(), rtol=1e-4)
    for variable, weights in zip(model.variables, trained, strict=True):
        variable.assign(weights)
    assert abs(validated() - seen) > 1e-3  # the checkpoint keeps what is trained
    moved = [abs(a - b).max() for a, b in zip(averaged, trained, strict=True)]
    assert max(moved) > 1e-3


@pytest.mark.backend_independent
def test_only_training_is_augmented():
    augmented = Augmented(network(), fill=5.0)
    stream = Batches(images(), 4, CLASSES, 0, Augmentation(padding=3, mixup=1.0))
    inputs, _ = stream[0]
    raw = inputs["images"].astype("float32")
    plain = value(augmented(raw))
    np.testing.assert_allclose(plain, value(augmented.network(raw)), atol=1e-5)
    np.testing.assert_allclose(plain, value(augmented(inputs)), atol=1e-5)
    pixels = keras.Input((8, 8, 3))
    identity = keras.Model(pixels, keras.layers.Identity()(pixels))
    seen = Augmented(identity, fill=5.0)
    assert abs(value(seen(inputs, training=True)) - raw).max() > 100
    names = {v.path for v in augmented.variables}
    assert names == {v.path for v in augmented.network.variables}


def test_calls_of_several_steps_must_fill_an_epoch(tmp_path):
    settings = recipe(steps_per_execution=4)
    said = r"6 steps, .*-execution 4 .* is 3"
    if keras.backend.backend() == "torch":
        said = "--steps-per-execution must be 1 on PyTorch"
    with pytest.raises(ValueError, match=said):
        fit(settings, tmp_path, network(), images(), None)


@pytest.mark.backend_independent
def test_a_run_that_moved_to_a_gpu_is_summed_up():
    common = {"seconds": 1.0, "images_per_second": 5.0, "peak_memory_gib": 2.0}
    epochs = [common, common | {"device_memory_gib": 3.0}, common]
    found = summary(epochs, 3)
    assert found["device_memory_gib"] == 3 and found["training_seconds"] == 3
    assert "device_memory_gib" not in summary([common], 1)
