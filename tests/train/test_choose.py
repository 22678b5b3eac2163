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
    fit_batch_size,
    is_open,
)
from keras_hybrid.train.tasks import get_task

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


@pytest.mark.parametrize(
    "side, expected",
    [(20, 32), (33, 32), (45, 32), (46, 64), (64, 64), (78, 64), (88, 96), (300, 96)],
)
def test_a_folder_s_size_is_that_of_its_files(tmp_path, side, expected):
    for label in "ab":
        (tmp_path / label).mkdir()
        for i in range(3):
            Image.new("RGB", (side + 10, side)).save(tmp_path / label / f"{i}.png")
    recipe = Recipe.of(dataset="folder", data_dir=str(tmp_path))
    assert choose_image_size(recipe).data.image_size == expected
    given = recipe.replace(image_size=48)
    assert choose_image_size(given) == given


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({}, 12),
        ({"batch_size": 8}, 8),
        ({"mixup": 0.5, "validation_split": 0.25}, 8),
        ({"folds": 4, "fold": 1}, 9),
    ],
)
def test_a_batch_is_never_larger_than_the_images(fields, expected, capsys):
    recipe = Recipe.of(**{"validation_split": 0.0} | fields)
    fitted = fit_batch_size(recipe, dataset(12))
    assert fitted.optimization.batch_size == expected
    said = f"--batch-size {expected}: there are no more training images."
    assert (said in capsys.readouterr().out) == (
        expected != recipe.optimization.batch_size
    )
    assert fit_batch_size(fitted, dataset(12)) == fitted


def test_classes_out_of_balance_are_said_with_their_counts():
    task, names = get_task("classification"), tuple("abcdef")
    labels = np.repeat(np.arange(6), [5, 90, 20, 3, 40, 0])
    split = Split(np.zeros((len(labels), 8, 8, 3), "uint8"), labels)
    (line,) = task.notes(Recipe(), split, names)
    assert "90 b, 40 e, ..., 5 a, 3 d. --class-balance weights" in line
    assert not task.notes(Recipe.of(class_balance="weights"), split, names)
    even = Split(split.images[:6], np.arange(6))
    assert not task.notes(Recipe(), even, names)
