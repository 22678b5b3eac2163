"""Flips and rotations are chosen by what mirrored and turned images show."""

import json

import numpy as np
import pytest

from keras_hybrid.data import Dataset, Split
from keras_hybrid.train import Recipe, run
from keras_hybrid.train.choose_orientation import choose_orientation
from keras_hybrid.train.orientation import look_at_orientation
from tests.train.tiny import run_on

pytestmark = pytest.mark.backend_independent

NAMES = ("left", "right", "up")


def arrow(kind, rng):
    """An arrow head in noise that points to the left, to the right or up."""
    pixels = 60 + 20 * rng.normal(size=(32, 32, 3))
    row, column = rng.integers(4, 12, 2)
    for k in range(8):
        pixels[row + 8 - k : row + 9 + k, column + k] += 90
    pixels = pixels.clip(0, 255).astype("uint8")
    return (pixels, pixels[:, ::-1], np.rot90(pixels, -1))[kind]


def blob(kind, rng):
    """A disc of one of three sizes, anywhere."""
    rows, columns = np.indices((32, 32))
    row, column = rng.integers(10, 22, 2)
    inside = (rows - row) ** 2 + (columns - column) ** 2 < (3, 6, 9)[kind] ** 2
    pixels = 60 + 20 * rng.normal(size=(32, 32, 3)) + 90 * inside[..., None]
    return pixels.clip(0, 255).astype("uint8")


def house(kind, rng):
    """A symmetric figure that stands on its base, of three widths."""
    pixels = 60 + 20 * rng.normal(size=(32, 32, 3))
    bottom, middle = rng.integers(24, 30), rng.integers(14, 18)
    for k in range(16):
        half = (k + 1) * (kind + 1) // 6
        pixels[bottom - 16 + k, middle - half : middle + half + 1] += 90
    return pixels.clip(0, 255).astype("uint8")


def dataset(draw, count=180):
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 3
    split = Split(np.stack([draw(label, rng) for label in labels]), labels)
    return Dataset("figures", split, split.take(np.arange(30)), NAMES)


def chosen(draw, **fields):
    recipe = Recipe.of(horizontal_flip=True, orientation="tested", **fields)
    recipe, found = choose_orientation(recipe, dataset(draw))
    assert recipe.augmentation.orientation == "given"
    return recipe.augmentation, found


def test_classes_that_are_mirror_images_turn_flips_off(tmp_path, capsys):
    augmentation, found = chosen(arrow, workdir=str(tmp_path))
    assert not augmentation.horizontal_flip and not augmentation.vertical_flip
    assert found["accuracy"]["plain"] > 0.8
    said = capsys.readouterr().out
    assert "--no-horizontal-flip: mirrored images of left are told as right" in said


def test_symmetric_figures_keep_flips_and_are_not_turned(tmp_path):
    augmentation, found = chosen(house, workdir=str(tmp_path))
    assert augmentation.horizontal_flip and not augmentation.vertical_flip
    assert found["mirror"] and not found["no_up"] and augmentation.rotation == 0


def test_one_image_of_each_group_is_looked_at():
    split = dataset(blob).train
    twice = np.repeat(np.arange(180), 2)
    grouped = Split(split.images[twice], split.labels[twice], groups=twice)
    assert look_at_orientation(grouped, NAMES) == look_at_orientation(split, NAMES)


def test_images_without_an_up_are_turned_and_what_is_given_stays(tmp_path):
    augmentation, found = chosen(blob, workdir=str(tmp_path))
    assert found["no_up"] and augmentation.horizontal_flip
    assert augmentation.vertical_flip and augmentation.rotation == 180
    recipe = Recipe.of(orientation="tested", workdir=str(tmp_path))
    left, _ = choose_orientation(recipe, dataset(blob))
    assert not left.augmentation.horizontal_flip and not left.augmentation.vertical_flip
    augmentation, _ = chosen(blob, workdir=str(tmp_path), rotation=10.0)
    assert augmentation.rotation == 10 and not augmentation.vertical_flip


def test_nothing_is_told_of_few_images_chance_or_other_tasks(tmp_path, capsys):
    assert look_at_orientation(dataset(arrow, 30).train, NAMES) is None
    noise = dataset(lambda label, rng: arrow(rng.integers(3), rng))
    assert look_at_orientation(noise.train, NAMES) is None
    split = Split(noise.train.images, np.zeros((180, 3), "float32"))
    numbers = Dataset("numbers", split, split, NAMES, "regression")
    fields = {"task": "regression", "horizontal_flip": True, "orientation": "tested"}
    recipe = Recipe.of(workdir=str(tmp_path), **fields)
    recipe, found = choose_orientation(recipe, numbers)
    assert found is None and recipe.augmentation.horizontal_flip
    assert "regression has no test" in capsys.readouterr().out


def test_a_run_says_what_was_tested_and_goes_on_with_it(tmp_path, monkeypatch, capsys):
    fields = {"epochs": 1, "warmup_epochs": 0, "orientation": "tested"}
    recipe = run_on(
        lambda **_: dataset(arrow, 90), monkeypatch, tmp_path / "run", **fields
    ).replace(horizontal_flip=True)
    card = run(recipe).card
    assert "left are told as right" in card["orientation"]["text"]
    assert not card["recipe"]["augmentation"]["horizontal_flip"]
    assert "Orientation: mirrored" in (tmp_path / "run" / "report.html").read_text()
    capsys.readouterr()
    assert run(recipe).card == json.loads((tmp_path / "run" / "card.json").read_text())
    assert "Orientation" not in capsys.readouterr().out  # not tested again
