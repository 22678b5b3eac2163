"""The auxiliary loss: what it predicts, where it sits, and that nothing of it stays."""

import json

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.layers import FeatureOutput
from keras_hybrid.train.augmented import Augmented
from keras_hybrid.train.fit import fit
from keras_hybrid.train.gabor import (
    GaborLoss,
    gabor_energy,
    gabor_filters,
    inner_stage,
)
from keras_hybrid.train.optimizer import make_optimizer
from tests.train.tiny import CLASSES, images, interrupting, recipe


def network(size=32):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    for stage in (1, 2, 3):
        x = keras.layers.Conv2D(4 * stage, 3, strides=2, padding="same")(x)
        x = FeatureOutput(name=f"stage{stage}")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES, name="head")(x))


def value(x):
    return keras.ops.convert_to_numpy(x)


@pytest.mark.parametrize("orientation", range(4))
@pytest.mark.parametrize("scale", [0, 1])
def test_a_grating_excites_its_own_filter(orientation, scale):
    """Energy finds a grating's direction and wavelength, whatever its phase."""
    wavelength, angle = (3.5, 7.0)[scale], np.pi * orientation / 4
    y, x = np.mgrid[:32, :32]
    energies = []
    for phase in (0.0, 1.0):
        along = x * np.cos(angle) + y * np.sin(angle)
        grating = 127 + 100 * np.sin(2 * np.pi * along / wavelength + phase)
        picture = np.repeat(grating[None, ..., None], 3, -1).astype("float32")
        energy = value(gabor_energy(picture, gabor_filters()))[0, 8:-8, 8:-8]
        assert energy.mean((0, 1)).argmax() == 4 * scale + orientation
        energies.append(energy[..., 4 * scale + orientation])
    np.testing.assert_allclose(energies[0].mean(), energies[1].mean(), rtol=0.02)
    assert energies[0].std() < 0.1 * energies[0].mean()


def test_a_flat_image_has_no_energy():
    flat = np.full((1, 32, 32, 3), 200, "float32")
    energy = value(gabor_energy(flat, gabor_filters()))[0, 8:-8, 8:-8]
    assert abs(energy).max() < 1e-3


@pytest.mark.backend_independent
def test_the_stage_is_deep_and_not_too_small():
    assert inner_stage(network(32)).shape == (None, 8, 8, 8)
    assert inner_stage(network(64)).shape == (None, 16, 16, 8)
    assert inner_stage(network(8)).shape == (None, 4, 4, 4)
    with pytest.raises(ValueError, match="no feature maps"):
        inner_stage(keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()]))


@pytest.mark.backend_independent
@pytest.mark.parametrize("name", ["ATC3", "CvT13", "ConViTTiny"])
def test_families_have_such_a_stage(name):
    options = {"patch_size": 4} if name == "ConViTTiny" else {"strides": (2, 2, 2)}
    if name == "ConViTTiny":
        options |= {"depth": 2, "gpsa_layers": 1}
    model = getattr(models, name)(input_shape=(32, 32, 3), classes=3, **options)
    assert inner_stage(model).shape[1:3] == (8, 8)


def test_a_perfect_prediction_costs_nothing_and_the_weight_falls():
    """The loss of a prediction of zero is the variance of the target, which is 1."""
    loss = GaborLoss(0.7)
    loss.build((None, 8, 8, 4), (None, 32, 32, 3), (None,))
    for variable in loss.variables:
        variable.assign(keras.ops.zeros(variable.shape))
    pixels = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    features = np.ones((4, 8, 8, 4), "float32")
    for progress, expected in ((0.0, 0.7), (0.5, 0.35), (1.0, 0.0)):
        found = value(loss(features, pixels, np.full(4, progress, "float32")))
        np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.backend_independent
def test_large_images_are_reduced_first():
    """A picture and its enlargement have nearly the same loss."""
    rng = np.random.default_rng(0)
    small = rng.uniform(0, 255, (2, 4, 4, 3)).repeat(8, 1).repeat(8, 2)
    large = small.repeat(3, 1).repeat(3, 2)
    loss = GaborLoss(1.0)
    loss.build((None, 8, 8, 4), (None, 32, 32, 3), (None,))
    features = rng.normal(size=(2, 8, 8, 4)).astype("float32")
    start = np.zeros(2, "float32")
    found = [
        float(value(loss(features, x.astype("float32"), start))) for x in (small, large)
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=0.02)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_it_learns_beside_the_labels_and_is_not_saved(tmp_path, optimizer):
    """And a run that was stopped ends as one that was not."""
    settings = recipe(epochs=4, warmup_epochs=0, gabor_loss=1.0, optimizer=optimizer)
    ends = []
    for name in ("whole", "stopped"):
        directory = tmp_path / name
        directory.mkdir()
        if name == "stopped":
            with pytest.raises(KeyboardInterrupt):
                fit(
                    settings,
                    directory,
                    network(),
                    images(size=32),
                    None,
                    callbacks=interrupting(2),
                )
        trained = network()
        fit(settings, directory, trained, images(size=32), None)
        ends.append([value(v) for v in trained.variables])
    for one, two in zip(*ends, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)
    assert not [v for v in trained.variables if "gabor" in v.path]
    lines = (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in lines]
    assert losses[-1] < losses[0] - 0.3  # the weight of 1 fell towards 0


def test_muon_leaves_its_layer_and_the_head_to_adamw():
    augmented = Augmented(network(), gabor_loss=1.0)
    optimizer = make_optimizer("muon", augmented, 1e-3, 0.1, None)
    kernels = [v for v in augmented.trainable_variables if v.path.endswith("kernel")]
    by_adamw = {v.path for v in kernels if optimizer._should_use_adamw(v)}
    assert {path.split("/")[-2] for path in by_adamw} == {"head", "energy"}
    assert len(kernels) == 5
