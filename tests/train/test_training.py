"""The pieces of a run against their formulas, and what a run refuses."""

import dataclasses
import json
import math

import keras
import numpy as np
import pytest
from PIL import Image

from keras_hybrid import models
from keras_hybrid.data import load
from keras_hybrid.train import (
    ProgressSchedule,
    Recipe,
    TrainingDiverged,
    decayed_variables,
    make_optimizer,
    run,
)
from keras_hybrid.train.hold_out import make_splits
from keras_hybrid.train.recipe import field_owners

TINY = Recipe.of(
    fraction=0.2,
    model_options=("widths=8,16,16", "heads=1,1,1", "strides=4,2,2"),
    epochs=2,
    warmup_epochs=1,
    batch_size=32,
)


def test_schedule_is_its_formula():
    schedule = ProgressSchedule(1e-3, 1e-5, 10 / 110, 110)
    for step in range(0, 111, 5):
        if step < 10:
            expected = 1e-5 + (1e-3 - 1e-5) * step / 10
        else:
            turn = math.cos(math.pi * (step - 10) / 100)
            expected = 1e-5 + (1e-3 - 1e-5) * (1 + turn) / 2
        found = float(keras.ops.convert_to_numpy(schedule(step)))
        assert math.isclose(found, expected, rel_tol=1e-4), step


def test_decay_spares_all_but_kernels():
    model = models.CvT(
        widths=(8, 8, 8),
        heads=(1, 1, 1),
        depths=(1, 1, 1),
        input_shape=(32, 32, 3),
        position_embedding=(True, False, False),
    )
    decayed = {v.path for v in decayed_variables(model)}
    assert decayed == {
        v.path for v in model.trainable_variables if v.path.endswith("kernel")
    }
    assert "stage1_block1_attention_query/conv/kernel" in decayed
    assert not decayed & {"stage3_class_token/token", "stage1_position/table"}


def test_decay_moves_only_what_it_should():
    """With zero gradients, kernels shrink by lr * wd and the rest stays."""
    model = models.ATC(widths=(8, 8, 8), heads=(1, 1, 1))
    optimizer = make_optimizer("adamw", model, 0.1, 0.5, None)
    before = {v.path: keras.ops.convert_to_numpy(v).copy() for v in model.variables}
    variables = model.trainable_variables
    optimizer.apply([keras.ops.zeros(v.shape) for v in variables], variables)
    for v in variables:
        factor = 0.95 if v.path.endswith("kernel") else 1
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(v), before[v.path] * factor, rtol=1e-5
        )


def test_a_run_leaves_what_it_should(tmp_path):
    recipe = TINY.replace(workdir=str(tmp_path / "run"), keep_best="none")
    result = run(recipe)
    card = result.card
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert left == {
        "model.keras",
        "metrics.jsonl",
        "curves.png",
        "report.html",
        "test_predictions.npz",
        "card.json",
        "recipe.json",
        "checkpoint.npz",
    }
    epochs = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    first = json.loads(epochs[0])
    wanted = "epoch loss accuracy val_loss val_accuracy learning_rate"
    wanted += " images_per_second data_seconds peak_memory_gib"
    assert len(epochs) == 2 and first.keys() >= set(wanted.split())
    assert card["recipe_hash"] == recipe.hash() and len(card["class_names"]) == 10
    assert card["metrics"]["test_accuracy"] > 0
    last = json.loads(epochs[-1])
    assert card["metrics"]["validation_accuracy"] == last["val_accuracy"]
    assert card["metrics"]["peak_memory_gib"] == last["peak_memory_gib"]
    loaded = keras.models.load_model(tmp_path / "run/model.keras")
    assert loaded.output_shape == (None, 10)
    assert not loaded.compiled  # a model to use, without an optimizer

    assert Recipe.read(tmp_path / "run/recipe.json") == recipe

    # complete: read, not repeated, also with another runtime
    again = run(recipe.replace(log_attention_images=4)).card
    assert again == json.loads((tmp_path / "run/card.json").read_text())
    other = recipe.replace(weight_decay=0.5)
    with pytest.raises(ValueError, match=r"weight_decay 0.05 -> 0.5.*--overwrite"):
        run(other)
    assert json.loads((tmp_path / "run/card.json").read_text()) == again


def test_divergence_ends_with_a_clear_word(tmp_path):
    recipe = TINY.replace(workdir=str(tmp_path / "run"), learning_rate=1e30)
    with pytest.raises(TrainingDiverged, match=r"NaN or infinite.*--learning-rate"):
        run(recipe)
    assert not (tmp_path / "run/model.keras").exists()


@pytest.mark.backend_independent
def test_a_folder_of_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    recipe = TINY.replace(workdir=str(tmp_path), overwrite=True)
    with pytest.raises(ValueError, match="holds other files"):
        run(recipe)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.backend_independent
def test_every_model_sees_the_same_images():
    digits = load("digits")
    recipe = TINY.replace(per_class=12, fraction=1, validation_split=0.25)
    found = []
    for model in ("atc3", "cvt13"):
        parts = make_splits(recipe.replace(model=model), digits)
        found.append([part.images[:] for part in parts])
        assert [np.bincount(part.labels).tolist() for part in parts] == [
            [9] * 10,
            [3] * 10,
        ]
    for ours, others in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, others)
    together = {image.tobytes() for part in found[0] for image in part}
    every = {image.tobytes() for image in digits.train.images}
    assert len(together) == 120 and together < every
    one, none = make_splits(recipe.replace(per_class=1), digits)
    assert np.bincount(one.labels).tolist() == [1] * 10 and none is None


@pytest.mark.backend_independent
def test_a_folder_of_images_trains(tmp_path, capsys):
    """From image files to a card, with its own split."""
    for i in range(24):
        pixels = np.full((20, 30, 3), 255 * (i % 2), "uint8")
        path = tmp_path / "data" / ("dark", "light")[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    recipe = TINY.replace(
        dataset="folder",
        data_dir=str(tmp_path / "data"),
        image_size=16,
        fraction=1,
        batch_size=8,
        learning_rate=1e-2,
        workdir=str(tmp_path / "run"),
    )
    card = run(recipe).card
    assert card["dataset"] == "data" and card["class_names"] == ["dark", "light"]
    assert card["input_shape"] == [16, 16, 3]
    assert {"test_accuracy", "test_loss"} <= card["metrics"].keys()
    assert "a stratified fifth (seed 0)" in capsys.readouterr().out


@pytest.mark.backend_independent
def test_options_are_read_as_literals():
    recipe = Recipe.of(
        model_options=("strides=(2,2,2)", "depths=1,2,3", "embedding=residual")
    )
    found = recipe.network.arguments()
    assert found["strides"] == (2, 2, 2) and found["depths"] == (1, 2, 3)
    assert found["embedding"] == "residual"
    with pytest.raises(ValueError, match="field=value"):
        Recipe.of(model_options=("strides",)).network.arguments()


@pytest.mark.backend_independent
def test_hash_follows_all_groups_but_the_runtime():
    others = {"data": {"ordinal": True}, "network": {"dropout_rate": 0.1}}
    others |= {"augmentation": {"mixup": 0.3}, "optimization": {"seed": 1}}
    others |= {"selection": {"tta": "flip"}, "fine_tuning": {"layer_decay": 0.5}}
    others |= {"runtime": {"workdir": "elsewhere", "export": ("onnx",), "devices": 2}}
    assert set(others) == {f.name for f in dataclasses.fields(Recipe)} - {"name"}
    for group, fields in others.items():
        same = TINY.replace(**fields).hash() == TINY.hash()
        assert same == (group == "runtime"), group


@pytest.mark.backend_independent
def test_a_recipe_is_read_from_its_json():
    recipe = TINY.replace(random_crop=(0.5, 1.0), export=("onnx",), devices="all")
    assert Recipe.from_settings(json.loads(json.dumps(recipe.as_dict()))) == recipe
    settings = json.loads(json.dumps(recipe.settings()))
    assert "runtime" not in settings
    assert Recipe.from_settings(settings).hash() == recipe.hash()


@pytest.mark.backend_independent
def test_no_two_groups_share_a_field():
    """Flags are the fields' names without their groups."""
    groups = [f.default_factory for f in dataclasses.fields(Recipe) if f.name != "name"]
    names = [f.name for group in groups for f in dataclasses.fields(group)]
    assert sorted(["name", *names]) == sorted(field_owners())


@pytest.mark.backend_independent
def test_the_warm_up_of_a_short_run_is_short():
    assert Recipe.of(epochs=1).optimization.warmup == 0.25
    assert Recipe.of(epochs=40).optimization.warmup == 3
    assert Recipe.of(epochs=40, warmup_epochs=0).optimization.warmup == 0


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    "fields",
    [
        {"epochs": -1},
        {"minutes": 0},
        {"gabor_loss": -1.0},
        {"fraction": 0},
        {"validation_split": 1},
        {"warmup_epochs": 30},
        {"per_class": 0},
        {"per_class": 5, "fraction": 0.5},
        {"image_size": 0},
        {"gradient_accumulation_steps": 0},
        {"repeated_augmentation": 0},
        {"ema_momentum": 1.0},
        {"mixup": -1.0},
        {"rand_augment": 12.0},
        {"model_parallel": 0},
        {"devices": 0},
        {"augmenter": "keras_cv", "cache_on_device": "on"},
    ],
)
def test_impossible_settings_are_refused(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        Recipe.of(**fields)
