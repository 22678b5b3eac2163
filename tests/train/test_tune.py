"""The search for settings: what it tries, keeps, stops early and goes on with."""

import importlib
import json

import keras
import numpy as np
import pytest

from keras_hybrid import data
from keras_hybrid.cli import main
from keras_hybrid.train import Recipe
from keras_hybrid.train.tune import _Report, tune
from keras_hybrid.train.tune_options import Tuning
from keras_hybrid.train.tune_report import plot, write_results
from keras_hybrid.train.tune_space import (
    SEARCHABLE,
    distributions,
    scaled_widths,
    with_settings,
)
from tests.read_csv import rows_of
from tests.train.tiny import run_on

pytestmark = pytest.mark.backend_independent

train_module = importlib.import_module("keras_hybrid.train.tune")
optuna = pytest.importorskip("optuna")


class Unread(data.LazyImages):
    """Test images that a search must not read."""

    def read(self, indices):
        raise AssertionError("the test images were read")

    def fingerprint_chunks(self, indices):
        return iter([(b"one image", 1)])


def load_blobs(data_dir, image_size, corrupt):
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 2
    pixels = 80 + 60 * labels[:, None, None, None] + rng.normal(0, 60, (80, 16, 16, 3))
    train = data.Split(pixels.clip(0, 255).astype("uint8"), labels)
    test = data.Split(Unread((1, 16, 16, 3)), np.array([1]))
    return data.Dataset("blobs", train, test, ("a", "b"))


@pytest.fixture
def blobs(monkeypatch, tmp_path):
    fields = {"epochs": 2, "batch_size": 16, "validation_split": 0.25}
    return run_on(load_blobs, monkeypatch, tmp_path / "study", **fields)


def test_a_search_that_goes_on(blobs, tmp_path, capsys):
    settings = {"search": ("learning_rate", "batch_size"), "pruner": "none"}
    tune(Tuning(blobs, trials=2, **settings))
    first = rows_of(tmp_path / "study" / "trials.csv")
    best = tune(Tuning(blobs, trials=5, **settings))
    rows = rows_of(tmp_path / "study" / "trials.csv")
    assert len(first) == 2 and len(rows) == 5 and rows[:2] == first
    assert len({row["learning_rate"] for row in rows}) == 5
    winner = max(rows, key=lambda row: float(row["value"]))
    chosen = {
        float(row["learning_rate"]) for row in rows if row["value"] == winner["value"]
    }
    assert best.optimization.learning_rate in chosen
    assert capsys.readouterr().out.count("Trial ") == 5
    written = json.loads((tmp_path / "study" / "recipe.json").read_text())
    assert Recipe.from_settings(written) == best.replace(workdir=None)


def test_plots_and_the_table(tmp_path):
    study = optuna.create_study(direction="maximize")
    space = distributions(("learning_rate", "cutout"), (), 99)
    for value in (0.3, None, 0.5, 0.2, 0.6):
        trial = study.ask(space)
        state = None if value else optuna.trial.TrialState.PRUNED
        study.tell(trial, value, state)
    write_results(study, tmp_path, Recipe.of(workdir="here"))
    plot(study, tmp_path)
    rows = rows_of(tmp_path / "trials.csv")
    assert [row["state"] for row in rows].count("pruned") == 1
    assert [row["value"] for row in rows] == ["0.3", "", "0.5", "0.2", "0.6"]
    for name in ("importance.png", "trials.png"):
        assert (tmp_path / name).read_bytes()[1:4] == b"PNG"
    written = json.loads((tmp_path / "recipe.json").read_text())
    assert written["runtime"]["workdir"] is None


def test_models_and_widths(blobs, tmp_path):
    blobs = blobs.replace(model_options=("stem_width=4",), epochs=1, warmup_epochs=0)
    tuning = Tuning(
        blobs, trials=2, search=("width",), candidates=("resnet9", "resnet18_small")
    )
    best = tune(tuning)
    rows = rows_of(tmp_path / "study" / "trials.csv")
    assert {row["model"] for row in rows} <= {"resnet9", "resnet18_small"}
    assert len(scaled_widths(best, 1.0)) in (3, 4)


def test_time_is_kept(blobs):
    with pytest.raises(ValueError, match="No trial was finished"):
        tune(Tuning(blobs, search_minutes=1e-9))


def test_settings_of_a_trial():
    recipe = Recipe.of(
        model="resnet9", model_options=("depths=1,1,1", "widths=16,32,48")
    )
    found = with_settings(recipe, {"width": 0.5, "learning_rate": 0.01})
    assert found.optimization.learning_rate == 0.01
    assert found.network.model_options == ("depths=1,1,1", "widths=8,16,24")
    assert set(distributions(SEARCHABLE, (), 99)) == set(SEARCHABLE)
    assert "model" in distributions((), ("atc3",), 99)
    sizes = {n: distributions(("batch_size",), (), n)["batch_size"] for n in (9, 70)}
    assert sizes[9].choices == (9,) and sizes[70].choices == (16, 32, 64)


def test_bad_trials_are_stopped_early():
    """By successive halving the worst of three trials ends at its first rung."""
    pruner = optuna.pruners.SuccessiveHalvingPruner(15, reduction_factor=3)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    recipe = Recipe.of(epochs=10)
    ends = []
    for accuracy in (0.9, 0.8, 0.1):
        report = _Report(study.ask(), recipe)
        report.set_model(keras.Sequential())
        for epoch in range(10):
            report.on_epoch_end(epoch, {"val_accuracy": accuracy})
            if report.pruned:
                break
        ends.append(epoch)
    assert ends[0] == 9 and ends[2] == 1 and report.model.stop_training


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"search": ("rate",)}, "--search knows learning_rate.*not rate"),
        ({"candidates": ("atc33",)}, "There is no model 'atc33'"),
        ({"search_minutes": 0.0}, "search_minutes must be above 0"),
        ({"trials": 0}, "trials must be 1 or more"),
    ],
)
def test_wrong_options(fields, message):
    with pytest.raises(ValueError, match=message):
        Tuning(**fields)


def test_wrong_recipes(blobs):
    with pytest.raises(ValueError, match="--validation-split"):
        tune(Tuning(blobs.replace(validation_split=0.0)))
    with pytest.raises(ValueError, match="--folds nor --refit"):
        tune(Tuning(blobs.replace(folds=2)))
    with pytest.raises(ValueError, match="width does not suit atc3"):
        tune(Tuning(blobs.replace(model="atc3"), search=("width",)))


def test_another_search_is_not_mixed_in(blobs, tmp_path):
    settings = {"search": ("learning_rate",), "trials": 1}
    tune(Tuning(blobs, **settings))
    for changed in (
        Tuning(blobs.replace(keep_best="loss"), **settings),
        Tuning(blobs.replace(per_class=20), **settings),
        Tuning(blobs, search=("weight_decay",), trials=1),
    ):
        with pytest.raises(ValueError, match="holds a search of other settings"):
            tune(changed)
    tune(Tuning(blobs.replace(per_class=20, overwrite=True), **settings))
    assert len(rows_of(tmp_path / "study" / "trials.csv")) == 1
    with pytest.raises(ValueError, match="holds other files and no search"):
        tune(Tuning(blobs.replace(workdir=str(tmp_path)), **settings))


def test_failing_trials(blobs, tmp_path, monkeypatch, capsys):
    settings = {"search": ("learning_rate",), "pruner": "none"}
    trains = train_module._train
    seen = []

    def sometimes(trial, recipe, dataset):
        seen.append(trial.number)
        if len(seen) == 2:
            raise RuntimeError("out of memory\nand more")
        return trains(trial, recipe, dataset)

    monkeypatch.setattr(train_module, "_train", sometimes)
    tune(Tuning(blobs, trials=2, **settings))
    assert "Trial 2 failed: out of memory\n" in capsys.readouterr().out
    states = [row["state"] for row in rows_of(tmp_path / "study" / "trials.csv")]
    assert states == ["complete", "fail", "complete"]

    def never(*_):
        raise ValueError("too deep")

    monkeypatch.setattr(train_module, "_train", never)
    with pytest.raises(ValueError, match="first 3 trials failed"):
        tune(Tuning(blobs.replace(workdir=str(tmp_path / "other")), **settings))


def test_commands(tmp_path, capsys):
    """`tune` writes a recipe that `train --recipe` takes, and options change it."""
    options = ["--dataset", "digits", "--model", "resnet9", "--epochs", "1"]
    options += ["--warmup-epochs", "0", "--fraction", "0.1", "--batch-size", "16"]
    options += ["--model-options", "widths=8,8,8", "stem_width=4"]
    workdir = tmp_path / "study"
    search = ["--search", "learning_rate", "--trials", "1"]
    main(["tune", *options, *search, "--workdir", str(workdir)])
    text = capsys.readouterr().out
    assert f"keras-hybrid train --recipe {workdir / 'recipe.json'}" in text
    run = tmp_path / "run"
    file = str(workdir / "recipe.json")
    main(["train", "--recipe", file, "--seed", "3", "--workdir", str(run)])
    found = json.loads((run / "recipe.json").read_text())
    wanted = json.loads((workdir / "recipe.json").read_text())
    assert found["optimization"] == wanted["optimization"] | {"seed": 3}
    assert found["network"] == wanted["network"]
    for arguments, message in (
        (["--recipe"], "needs the name of a recipe, or a file"),
        (["--recipe", str(run / "card.json")], "is no recipe"),
        (["--recipe", str(run / "none.json")], "none.json"),
        (["--recipe", "mine.py"], "a recipe file is run by Python: python mine.py"),
        (["--recipe=mine.py"], "a recipe file is run by Python: python mine.py"),
    ):
        with pytest.raises(SystemExit):
            main(["train", *arguments])
        assert message in capsys.readouterr().err
