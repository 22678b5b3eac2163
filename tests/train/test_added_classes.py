"""Classes and images that are added to a trained classifier."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from PIL import Image

from keras_hybrid import models
from keras_hybrid.data import Dataset, Split
from keras_hybrid.train import Recipe, recipe_from, run
from keras_hybrid.train.added_classes import with_earlier_classes
from keras_hybrid.train.added_rows import (
    PRIOR,
    TRAINED,
    fit_rows,
    keep_earlier,
    load_earlier,
)
from keras_hybrid.train.earlier_answers import with_earlier_answers
from keras_hybrid.train.earlier_run import EarlierRun
from keras_hybrid.train.hold_out import earlier_images, load_images
from tests.test_cli import error_of

independent = pytest.mark.backend_independent
COLOURS = {"ant": (200, 40, 40), "bee": (40, 200, 40), "ape": (40, 40, 200)}
SETTINGS = {
    "dataset": "folder",
    "model": "resnet9",
    "model_options": ("widths=8,8,8", "stem_width=4"),
    "image_size": 16,
    "epochs": 10,
    "batch_size": 8,
    "padding": 0,
    "learning_rate": 1e-2,
    "validation_split": 0.0,
}


def save(folder, name, count, seed):
    """Saves noisy images of the colour of a class."""
    (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for i in range(count):
        pixels = COLOURS[name] + rng.normal(0, 30, (16, 16, 3))
        file = folder / name / f"{i}.png"
        Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(file)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """A run on two classes, and the folder that has a third one, too."""
    root = tmp_path_factory.mktemp("added")
    for folder in ("first", "grown"):
        for seed, name in enumerate(("ant", "bee")):
            save(root / folder, name, 40, seed)
    save(root / "grown", "ape", 40, 2)
    fields = {"data_dir": str(root / "first"), "workdir": str(root / "run")}
    return run(Recipe.of(**SETTINGS | fields)).directory, root / "grown"


@pytest.fixture(scope="module")
def added(earlier):
    directory, grown = earlier
    return run(recipe_from(directory, data_dir=str(grown), epochs=5))


def split(pixels, labels):
    images = np.empty((len(pixels), 2, 2, 3), "uint8")
    images[:] = np.array(pixels)[:, None, None, None]
    return Split(images, np.array(labels))


@independent
def test_old_classes_come_first_and_images_keep_their_side():
    old = Dataset("old", split([1, 2, 3], [0, 1, 1]), split([8, 9], [0, 1]), ("b", "d"))
    train = split([1, 9, 20, 30], [1, 2, 0, 2])
    test = split([3, 8, 21], [2, 1, 0])
    new = Dataset("new", train, test, ("a", "b", "d"))
    found = with_earlier_classes(new, old.class_names, old)
    assert found.class_names == ("b", "d", "a")
    for part, pixels, labels in (
        (found.train, [1, 20, 30, 3], [0, 2, 1, 1]),
        (found.test, [8, 21, 9], [0, 2, 1]),
    ):
        assert part.images[:, 0, 0, 0].tolist() == pixels
        assert part.labels.tolist() == labels
    alone = with_earlier_classes(new, old.class_names, None)
    assert alone.test.images[:, 0, 0, 0].tolist() == [3, 8, 21]


@independent
def test_images_are_others_than_those_of_the_earlier_run(earlier, monkeypatch):
    run_of = EarlierRun.read(earlier[0])
    settings = run_of.recipe.replace(dataset="digits", corrections="corrections.csv")
    named = dataclasses.replace(run_of, recipe=settings)
    monkeypatch.setattr(EarlierRun, "read", lambda run: named)
    recipe = recipe_from(earlier[0], data_dir="grown")
    assert recipe.data.dataset == "folder" and recipe.runtime.corrections is None
    # the manifest of the earlier run has its corrected labels
    shown = named.recipe.replace(dataset="folder")
    images = earlier_images(dataclasses.replace(named, recipe=shown))
    assert images is not None and images.corrected is None


@independent
def test_earlier_network_is_kept_and_the_new_class_is_found_at_once(earlier):
    run_of = EarlierRun.read(earlier[0])
    old = models.logits(keras.models.load_model(run_of.model_file, compile=False))
    model = models.ResNet9(
        classes=3, input_shape=(16, 16, 3), widths=(8, 8, 8), stem_width=4
    )
    load_earlier(model, run_of)
    dataset = load_images(recipe_from(earlier[0], data_dir=str(earlier[1])))
    assert dataset.class_names == ("ant", "bee", "ape")
    network = models.logits(model)
    pixels = dataset.test.images[:].astype("float32")
    before, after = (keras.ops.convert_to_numpy(x(pixels)) for x in (old, network))
    np.testing.assert_allclose(after[:, :2], before, atol=1e-6)
    fit_rows(network, dataset.train, 2)
    after = keras.ops.convert_to_numpy(network(pixels))
    np.testing.assert_allclose(after[:, :2], before, atol=1e-6)
    new = dataset.test.labels == 2
    assert (after[new].argmax(-1) == 2).mean() > 0.6
    before, rows = network.get_weights(), models.classifier(model).get_weights()
    network.set_weights([x + 1 for x in before])
    keep_earlier(network, before, str(earlier[0]))
    kernel, bias = models.classifier(model).get_weights()
    np.testing.assert_allclose(kernel, rows[0] + TRAINED, 1e-5)
    np.testing.assert_allclose(bias, rows[1] + TRAINED + np.log([1, 1, PRIOR]), 1e-4)


@independent
def test_run_adds_a_class_and_says_what_it_lost(earlier, added):
    directory, _ = earlier
    first = json.loads((directory / "card.json").read_text())
    card = added.card
    assert added.directory == directory.with_name("run-added")
    assert card["class_names"] == ["ant", "bee", "ape"]
    found = card["earlier_classes"]
    assert found["images"] == 16 and found["text"].endswith(".")
    assert found["accuracy_before"] == first["metrics"]["test_accuracy"]
    assert found["accuracy"] >= found["accuracy_before"] - 0.1
    recall = {row["class"]: row["recall"] for row in card["test_classes"]}
    assert recall["ape"] > 0.8
    assert found["text"] in (added.directory / "report.html").read_text()


@independent
def test_targets_keep_what_the_earlier_network_answers():
    images = split([1, 2], [0, 2])
    inputs = keras.Input((2, 2, 3))
    flat = keras.layers.Flatten()(inputs)
    network = keras.Model(inputs, keras.layers.Dense(2)(flat))
    network.set_weights([np.zeros((12, 2)), np.log([1.0, 9.0])])
    found = with_earlier_answers(images, network, 3)
    # at temperature 2 the odds of 9 become 3
    np.testing.assert_allclose(found.labels, [[0.625, 0.375, 0], [0, 0, 1]], 1e-5)


@independent
def test_refusals_are_one_line(earlier, tmp_path, capsys):
    directory, grown = earlier
    options = ["train", "--from", directory, "--data-dir", grown]
    for fields, message in (
        ({"workdir": str(directory), "overwrite": True}, "keeps that run"),
        ({"task": "regression"}, "--weights RUN/model.keras"),
    ):
        with pytest.raises(ValueError, match=message):
            recipe_from(directory, data_dir=str(grown), **fields)
    assert "has no recipe.json" in error_of(capsys, "train", "--from", tmp_path)
    assert "exclude" in error_of(capsys, *options, "--recipe", "x.json")
    assert "needs the folder" in error_of(capsys, "train", "--from")
