"""A workdir belongs to one run: its settings and its images."""

import json

import keras
import numpy as np
import pytest

from keras_hybrid.data import Dataset
from keras_hybrid.train import Recipe, run
from tests.train.tiny import images, interrupting, run_on

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend will do"
)


@pytest.fixture
def blobs(monkeypatch, tmp_path):
    """A recipe, and the pixels of its dataset, which a test may change."""
    split = images(size=16)
    pixels = split.images.copy()

    def load_blobs(data_dir, image_size, corrupt):
        names = tuple("abc")
        train = type(split)(pixels, split.labels)
        return Dataset("blobs", train, train, names)

    fields = {"epochs": 2, "warmup_epochs": 0, "batch_size": 4, "validation_split": 0.0}
    return run_on(load_blobs, monkeypatch, tmp_path / "run", **fields), pixels


def test_a_complete_run_is_read_and_one_on_other_images_is_not(blobs):
    recipe, pixels = blobs
    card = run(recipe).card
    assert run(recipe).card == card
    pixels[0, 0, 0, 0] ^= 255
    with pytest.raises(ValueError, match="on other images than blobs has now"):
        run(recipe)
    changed = run(recipe.replace(overwrite=True)).card
    assert changed["dataset_fingerprint"] != card["dataset_fingerprint"]


def test_a_stopped_run_does_not_continue_on_other_images(blobs):
    recipe, pixels = blobs
    with pytest.raises(KeyboardInterrupt):
        run(recipe, interrupting(1))
    pixels[:] = np.random.default_rng(1).integers(0, 256, pixels.shape)
    with pytest.raises(ValueError, match="on other images"):
        run(recipe)


def test_folds_on_other_images(blobs):
    recipe, pixels = blobs
    folds = recipe.replace(folds=2, epochs=1)
    run(folds)
    pixels[0, 0, 0, 0] ^= 255
    with pytest.raises(ValueError, match="on other images"):
        run(folds)


def test_recipe_json_says_which_images(blobs):
    recipe, _ = blobs
    card = run(recipe).card
    file = recipe.directory / "recipe.json"
    assert (
        json.loads(file.read_text())["dataset_fingerprint"]
        == (card["dataset_fingerprint"])
    )
    assert Recipe.read(file) == recipe.replace(keep_best="none")
