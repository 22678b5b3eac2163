"""What a recipe leaves open is chosen by the images, said, and can be overridden."""

import numpy as np
import pytest
from PIL import Image

from keras_hybrid.data import Dataset, Split
from keras_hybrid.train import Recipe
from keras_hybrid.train.choose import (
    MODEL,
    batch_size,
    choose_image_size,
    choose_settings,
    is_open,
)

pytestmark = pytest.mark.backend_independent
OPEN = {"model": "auto", "batch_size": 0, "epochs": 0}


def dataset(count=1000, classes=4, size=32):
    labels = np.arange(count) % classes
    split = Split(np.zeros((count, size, size, 3), "uint8"), labels)
    return Dataset("made", split, split, tuple(map(str, range(classes))))


def test_all_that_is_open_is_chosen_and_said(capsys):
    chosen = choose_settings(Recipe.of(**OPEN), dataset())
    assert chosen.network.model == MODEL
    assert chosen.optimization.minutes == 15
    assert chosen.optimization.batch_size == 16
    assert not is_open(chosen)
    said = capsys.readouterr().out
    for option in ("--model", "--minutes", "--batch-size"):
        assert option in said


def test_what_is_given_stays(capsys):
    given = Recipe.of(
        model="atc3", batch_size=50, minutes=2.0, epochs=0, keep_best="none"
    )
    assert not is_open(given)
    assert choose_settings(given, dataset()) == given
    given = Recipe.of(epochs=3, keep_best="none")
    assert choose_settings(given, dataset()) == given
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    "images, expected", [(5, 5), (100, 16), (960, 16), (2000, 64), (5000, 128)]
)
def test_small_data_have_small_batches(images, expected):
    assert batch_size(images) == expected


def test_only_the_images_that_train_count():
    recipe = Recipe.of(**OPEN, per_class=5, validation_split=0.2)
    assert choose_settings(recipe, dataset()).optimization.batch_size == 16
    recipe = Recipe.of(**OPEN, fraction=0.1)
    assert choose_settings(recipe, dataset(20_000)).optimization.batch_size == 32


@pytest.mark.parametrize("side, expected", [(20, 32), (33, 32), (64, 64), (300, 96)])
def test_a_folder_s_size_is_that_of_its_files(tmp_path, side, expected):
    for label in "ab":
        (tmp_path / label).mkdir()
        for i in range(3):
            Image.new("RGB", (side + 10, side)).save(tmp_path / label / f"{i}.png")
    recipe = Recipe.of(dataset="folder", data_dir=str(tmp_path))
    assert choose_image_size(recipe).data.image_size == expected
    given = recipe.replace(image_size=48)
    assert choose_image_size(given) == given
