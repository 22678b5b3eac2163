"""Augmentation by keras-cv, where it is installed."""

import sys

import numpy as np
import pytest

from keras_hybrid.data import Augmentation, Batches, Split
from keras_hybrid.data.keras_cv_layers import keras_cv_augmenter
from keras_hybrid.train import Recipe
from keras_hybrid.train.fit import fit
from tests.train.test_formulas import images, network

EVERY = {
    "random_crop": (0.5, 1.0),
    "padding": 2,
    "horizontal_flip": True,
    "vertical_flip": True,
    "rotation": 90.0,
    "color_jitter": 0.4,
    "random_erasing": 0.5,
    "mixup": 0.8,
    "cutmix": 1.0,
}


@pytest.fixture(scope="module", autouse=True)
def installed():
    pytest.importorskip("keras_cv")


@pytest.mark.backend_independent
@pytest.mark.parametrize("field", EVERY)
def test_every_setting_changes_pixels_or_labels(field):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 12, 14, 3))
    labels = np.eye(16, dtype="float32")
    augment = keras_cv_augmenter(Augmentation(**{field: EVERY[field]}), (12, 14), 0)
    first, mixed = augment(pixels.astype("uint8"), labels)
    second, _ = augment(pixels.astype("uint8"), labels)
    assert first.shape == pixels.shape and first.dtype == np.float32
    assert (first != pixels).any() and (first != second).any()
    assert (mixed != labels).any() == (field in ("mixup", "cutmix"))
    np.testing.assert_allclose(mixed.sum(1), 1, atol=1e-5)


def test_a_run_with_it(tmp_path):
    fields = {"augmenter": "keras_cv", "epochs": 1, "warmup_epochs": 0}
    recipe = Recipe.of(batch_size=8, rand_augment=9.0, mixup=0.8, **fields)
    model = network()
    before = [x.copy() for x in model.get_weights()]
    fit(recipe, tmp_path, model, images(), None)
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.backend_independent
def test_its_batches_hold_images_alone():
    split = Split(images().images, images().labels)
    augment = keras_cv_augmenter(Augmentation(padding=2), (8, 8), 0)
    inputs, labels = Batches(split, 4, 3, 0, augmenter=augment)[0]
    assert inputs.keys() == {"images"} and inputs["images"].dtype == np.float32
    assert labels.shape == (4, 3)


@pytest.mark.backend_independent
def test_a_device_cannot_hold_what_the_host_augments():
    with pytest.raises(ValueError, match="--cache-on-device off"):
        Recipe.of(augmenter="keras_cv", cache_on_device="on")


@pytest.mark.backend_independent
def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_cv", None)
    with pytest.raises(ImportError, match=r"keras_hybrid\[keras-cv\]"):
        keras_cv_augmenter(Augmentation(), (8, 8), 0)
