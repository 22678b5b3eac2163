"""Datasets and augmentations from outside the package."""

import importlib.metadata

import keras
import numpy as np
import pytest

from keras_hybrid import data
from keras_hybrid.data import custom_augmentation, sources
from keras_hybrid.data.apply_augmentation import augment
from keras_hybrid.data.keras_cv_layers import keras_cv_augmenter
from keras_hybrid.train.augmented import Augmented


def load_toy(data_dir, image_size, corrupt):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (12, 8, 10, 3), dtype="uint8")
    split = data.Split(images, np.arange(12) % 3)
    return data.Dataset("toy", split, split, ("a", "b", "c"))


def sample_gamma(rng, batch, strength):
    return rng.uniform(1 - strength, 1 + strength, batch)


def apply_gamma(images, gamma):
    return 255 * (images / 255) ** gamma[:, None, None, None]


@pytest.fixture
def registered(monkeypatch):
    """The toys, until the end of the test."""
    monkeypatch.setattr(sources, "SOURCES", dict(data.SOURCES))
    monkeypatch.setattr(custom_augmentation, "_REGISTERED", {})
    data.register_dataset("toy", load_toy)
    data.register_augmentation("gamma", sample_gamma, apply_gamma)
    data.register_augmentation(
        "offset",
        lambda rng, batch, strength: np.full(batch, strength),
        lambda images, offset: images + offset[:, None, None, None],
    )


def test_a_step_of_training_on_toys(registered):
    toy = data.load("toy", image_size=8)
    assert toy.train.images.shape == (12, 8, 8, 3)
    settings = data.Augmentation(extra_augmentations=("gamma=0.5",))
    inputs = keras.Input((8, 8, 3))
    network = keras.Sequential([inputs, keras.layers.Flatten(), keras.layers.Dense(3)])
    model = Augmented(network, settings.fill)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    before = network.get_weights()[0].copy()
    inputs, labels = data.Batches(toy.train, 4, 3, 0, settings)[0]
    assert inputs["extra0_gamma"].shape == (4,)
    model.train_on_batch(inputs, labels)
    assert (network.get_weights()[0] != before).any()


def test_the_operation_is_applied_to_each_image_in_order(registered):
    images = load_toy(None, None, "raise").train.images
    order = ("offset=60", "gamma=0.5", "offset=-200")
    settings = data.Augmentation(extra_augmentations=order)
    samples, label_lam = settings.sample(np.random.default_rng(0), 12, 8, 10)
    found = keras.ops.convert_to_numpy(augment(images, samples))
    gamma = samples["extra1_gamma"]
    assert len(set(gamma)) == 12 and gamma.min() >= 0.5 and gamma.max() <= 1.5
    expected = (images + 60.0).clip(0, 255)
    expected = 255 * (expected / 255) ** gamma[:, None, None, None]
    expected = (expected - 200).clip(0, 255)
    np.testing.assert_allclose(found, expected, atol=1e-2)
    assert (label_lam == 1).all()


@pytest.mark.backend_independent
def test_names_are_taken_once(registered):
    for name in ("toy", "digits", "tfds:x"):
        with pytest.raises(ValueError, match="is taken"):
            data.register_dataset(name, load_toy)
    with pytest.raises(ValueError, match="is taken"):
        data.register_augmentation("gamma", sample_gamma, apply_gamma)


@pytest.mark.backend_independent
def test_unknown_names_and_strengths(registered):
    with pytest.raises(ValueError, match="no augmentation 'gama'; registered: gamma"):
        data.Augmentation(extra_augmentations=("gama=1",))
    with pytest.raises(ValueError, match=r"NAME=STRENGTH.*not 'gamma=much'"):
        data.Augmentation(extra_augmentations=("gamma=much",))
    with pytest.raises(ValueError, match=r"no dataset 'toys'; known: .*toy, "):
        data.load("toys")


def test_keras_cv_does_not_ignore_them(registered):
    settings = data.Augmentation(extra_augmentations=("gamma=1",))
    with pytest.raises(ValueError, match="need --augmenter keras"):
        keras_cv_augmenter(settings, (8, 8), 0)


GAMMA = data.CustomAugmentation(sample_gamma, apply_gamma)
SOURCE = data.DatasetSource(load_toy, "Give a folder of toys.", needs_folder=True)


@pytest.mark.backend_independent
@pytest.mark.parametrize("loader", ["load_toy", "SOURCE"])
def test_entry_points_of_other_packages(monkeypatch, tmp_path, loader):
    declared = {
        "keras_hybrid.datasets": ("toy", loader),
        "keras_hybrid.augmentations": ("gamma", "GAMMA"),
    }

    def entry_points(group):
        name, attribute = declared[group]
        return [importlib.metadata.EntryPoint(name, f"{__name__}:{attribute}", group)]

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    monkeypatch.setattr(custom_augmentation, "_REGISTERED", {})
    assert data.load("toy", tmp_path).class_names == ("a", "b", "c")
    with pytest.raises(FileNotFoundError, match="is not a folder") as caught:
        data.load("toy", tmp_path / "none")
    advice = loader == "SOURCE"
    ending = " Give a folder of toys." if advice else "is not a folder."
    assert str(caught.value).endswith(ending)
    if advice:
        with pytest.raises(FileNotFoundError, match=r"toy needs --data-dir\. Give a"):
            data.load("toy")
    settings = data.Augmentation(extra_augmentations=("gamma=0.2",))
    assert len(settings.sample(np.random.default_rng(0), 4, 8, 8)[0]) == 1
    with pytest.raises(ValueError, match=r"known: .*toy, tfds:NAME"):
        data.load("toys")
