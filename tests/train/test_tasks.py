"""Runs that learn numbers, and several classes per image: from the table to a file."""

import csv
import json

import keras
import numpy as np
import pytest
from PIL import Image

import keras_hybrid
from keras_hybrid import models, train
from keras_hybrid.cli import main
from keras_hybrid.data.targets import NumberTargets
from keras_hybrid.export import export
from keras_hybrid.export.metadata_tables import model_metadata
from keras_hybrid.inference import evaluate
from keras_hybrid.program import _default
from keras_hybrid.publish.readme import readme
from keras_hybrid.train import Recipe, run
from keras_hybrid.train.tasks import TASKS, Regression, get_task
from tests.read_csv import rows_of
from tests.test_cli import error_of

independent = pytest.mark.backend_independent
SETTINGS = {
    "dataset": "folder",
    "model": "resnet9",
    "model_options": ("widths=16,32,32", "stem_width=8"),
    "image_size": 16,
    "epochs": 15,
    "batch_size": 16,
    "padding": 0,
    "learning_rate": 1e-2,
    "warmup_epochs": 1,
    "validation_split": 0.2,
}


def save(folder, images, labels, header):
    folder.mkdir()
    for i, pixels in enumerate(images):
        Image.fromarray(pixels).save(folder / f"{i}.png")
    rows = [header, *(f"{i}.png,{label}" for i, label in enumerate(labels))]
    (folder / "labels.csv").write_text("\n".join(rows))


def recipe_of(folder, task, **fields):
    places = {"data_dir": str(folder), "workdir": str(folder.parent / "run")}
    return Recipe.of(**SETTINGS | places | {"task": task} | fields)


@pytest.fixture(scope="module")
def bright(tmp_path_factory):
    """Images whose number is 1000 and three times their brightness; and a run."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 25, (160, 16, 16, 3))
    images = (noise + rng.uniform(40, 210, (160, 1, 1, 1))).clip(0, 255).astype("u1")
    folder = tmp_path_factory.mktemp("bright") / "data"
    save(folder, images, 1000 + 3 * images.mean((1, 2, 3)), "file,label")
    return run(recipe_of(folder, "regression", mixup=0.1)), folder


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    """Images with bright stripes of three colours, or none; and a run."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 100, (160, 16, 16, 3))
    has = rng.random((160, 3)) < (0.5, 0.4, 0.3)
    for k in range(3):
        images[:, 5 * k : 5 * k + 5, :, k] += 150 * has[:, k, None, None]
    folder = tmp_path_factory.mktemp("stripes") / "data"
    rows = [",".join(map(str, row)) for row in has.astype(int)]
    save(folder, images.astype("u1"), rows, "file,red,green,blue")
    return run(recipe_of(folder, "multilabel", mixup=0.2, tta="flip")), folder


def test_a_run_learns_numbers(bright):
    result, _ = bright
    card, metrics = result.card, result.metrics
    assert metrics["test_r2"] >= 0.9
    assert metrics["test_mae"] < 0.4 * card["headline"]["constant_mae"]
    assert card["task"] == "regression" and "class_names" not in card
    assert card["recipe"]["selection"]["keep_best"] == "mae"
    epochs = train.read_metrics(result.directory)
    assert {"mae", "r2", "val_mae", "val_r2"} <= set(epochs[0])
    best = min(epoch["val_mae"] for epoch in epochs)
    assert metrics["validation_mae"] == best
    page = (result.directory / "report.html").read_text()
    assert "Predicted and true" in page and "Largest errors" in page
    assert card["headline"]["text"][0] in page and "Confusion" not in page
    model = result.load()
    assert model.layers[-1].name == "predictions" and models.takes_pixels(model)
    assert models.output_name(model) == "values"
    mean, std = models.units(model)
    assert (mean, std) == (card["training_mean"], card["training_std"])


def test_a_run_learns_several_classes(stripes):
    result, _ = stripes
    metrics, card = result.metrics, result.card
    assert metrics["test_mean_average_precision"] > 0.95
    assert metrics["test_macro_f1"] > 0.9
    assert card["class_names"] == ["blue", "green", "red"]
    assert all(0 < x < 1 and x != 0.5 for x in card["thresholds"])
    assert [row["class"] for row in card["test_classes"]] == card["class_names"]
    assert card["recipe"]["selection"]["keep_best"] == "pr_auc"
    page = (result.directory / "report.html").read_text()
    assert "Every class" in page and card["headline"]["text"][0] in page
    model = result.load()
    assert model.layers[-1].activation is keras.activations.sigmoid
    assert models.output_name(model) == "probabilities"


@independent
def test_numbers_are_predicted_and_evaluated(bright, capsys, tmp_path):
    result, folder = bright
    classifier = keras_hybrid.load(result.directory)
    found = classifier.predict([folder / "0.png", folder / "1.png"])
    assert found.values.shape == (2, 1) and len(found) == 2
    main(["predict", str(result.directory), str(folder / "0.png")])
    assert f"  {found.numbers[0]:.6g}\n" in capsys.readouterr().out
    for suffix in (".csv", ".json"):
        out = tmp_path / f"values{suffix}"
        (tmp_path / "broken.png").write_text("no image")
        files = [str(folder / "0.png"), str(tmp_path / "broken.png")]
        with pytest.raises(SystemExit):
            main(["predict", str(result.directory), *files, "--out", str(out)])
        first, second = read_rows(out)
        assert float(first["value"]) == pytest.approx(found.numbers[0])
        assert "image" in second["error"]
    manifest = result.directory / "manifest.csv"
    measured = evaluate(classifier, folder, manifest=manifest)
    for name, value in measured.metrics.items():
        assert value == pytest.approx(result.metrics[f"test_{name}"], rel=1e-4)
    capsys.readouterr()
    main(["evaluate", str(result.directory), str(folder), "--manifest", str(manifest)])
    printed = capsys.readouterr().out
    assert "32 images of numbers" in printed and "The largest errors" in printed
    page = (result.directory / "evaluation/model.keras.html").read_text()
    assert "Predicted and true" in page
    words = ("predict", result.directory, folder / "0.png", "--threshold", "0.3")
    assert "--threshold has no meaning for regression" in error_of(capsys, *words)
    bare = tmp_path / "alone.keras"  # a model without its card
    bare.write_bytes(result.model_file.read_bytes())
    again = keras_hybrid.load(bare).predict(folder / "0.png")
    assert again.numbers[0] == pytest.approx(found.numbers[0], rel=1e-3)


def read_rows(path):
    if path.suffix == ".json":
        return json.loads(path.read_text())
    return list(csv.DictReader(path.open()))


@independent
def test_all_classes_above_the_threshold_are_predicted(stripes, capsys, tmp_path):
    result, folder = stripes
    classifier = keras_hybrid.load(result.directory)
    paths = sorted(folder.glob("*.png"))
    every = classifier.predict(paths)
    said = every.probabilities > result.card["thresholds"]
    truth = {row["file"]: row for row in rows_of(folder / "labels.csv")}
    true = [[truth[x.name][name] == "1" for name in every.classes] for x in paths]
    assert (said == true).mean() > 0.9
    two, none = (np.flatnonzero(said.sum(1) == count)[0] for count in (2, 0))
    files = [str(paths[two]), str(paths[none])]
    found = classifier.predict(files)
    chosen = {name for name, yes in zip(every.classes, said[two], strict=True) if yes}
    assert set(found.label_names[0]) == chosen and found.label_names[1] == []
    main(["predict", str(result.directory), *files])
    printed = capsys.readouterr().out
    assert all(f"%  {name}\n" in printed for name in chosen)
    assert printed.count("%  ") == 2
    assert "no class is above its threshold; the likeliest is" in printed
    out = tmp_path / "labels.csv"
    main(["predict", str(result.directory), *files, "--out", str(out)])
    first, second = rows_of(out)
    assert first["labels"] == ";".join(found.label_names[0]) and not second["labels"]
    assert float(first["probability_red"]) == pytest.approx(
        found.probabilities[0, 2], rel=1e-4
    )
    main(["predict", str(result.directory), files[0], "--threshold", "1"])
    assert "no class is above its threshold" in capsys.readouterr().out
    measured = evaluate(classifier, folder, manifest=result.directory / "manifest.csv")
    for name, value in measured.metrics.items():
        assert value == pytest.approx(result.metrics[f"test_{name}"], abs=2e-5)
    written = json.loads(json.dumps(measured.as_dict()))
    assert [row["class"] for row in written["classes"]] == ["blue", "green", "red"]


@independent
@pytest.mark.parametrize(
    ("task", "name"), [("bright", "values"), ("stripes", "probabilities")]
)
def test_exported_files_agree(task, name, request, tmp_path):
    pytest.importorskip("onnxruntime")
    result, folder = request.getfixturevalue(task)
    (report,) = export(result.model_file, ["onnx"], tmp_path, tta="none")
    files = sorted(folder.glob("1?.png"))
    theirs = keras_hybrid.load(report.path).predict(files)
    pixels = np.stack([np.asarray(Image.open(file), "float32") for file in files])
    ours = result.load().predict(pixels, verbose=0)
    np.testing.assert_allclose(getattr(theirs, name), ours, 1e-5, 1e-6)
    golden = json.loads((tmp_path / "golden/golden.json").read_text())
    expected = golden["expected"]["model.onnx"]
    logits = np.array(expected["logits"])
    if name == "values":
        mean, std = result.card["training_mean"], result.card["training_std"]
        np.testing.assert_allclose(expected[name], mean + std * logits, rtol=1e-5)
        assert report.top1_agreement is None and "top-1" not in str(report)
    else:
        np.testing.assert_allclose(expected[name], 1 / (1 + np.exp(-logits)), rtol=1e-4)


@independent
def test_metadata_say_what_a_litert_file_gives():
    pytest.importorskip("flatbuffers")
    outputs = {"values": b"Image regression", "probabilities": b"Image classifier"}
    for output, kind in outputs.items():
        names = ["logits", output]
        found = model_metadata("m", (1, 8, 8, 3), names, False, None, None)
        assert kind in found and f"The {output}".encode() in found
        assert b"of the classes" not in found


@independent
def test_folds_have_one_unit(bright):
    _, folder = bright
    short = {"epochs": 1, "warmup_epochs": 0, "validation_split": 0.0}
    recipe = recipe_of(folder, "regression", folds=2, **short)
    result = run(recipe.replace(workdir=str(folder.parent / "folds")))
    assert "validation_mae_mean" in result.metrics
    members = [
        models.units(keras.models.load_model(path, compile=False))
        for path in sorted(result.directory.glob("fold*/model.keras"))
    ]
    assert len(members) == 2 and {models.units(result.load()), *members} == {members[0]}


@independent
def test_a_probe_and_the_metric_of_a_user(bright):
    result, folder = bright
    short = {"epochs": 1, "warmup_epochs": 0, "learning_rate": 1e-5, "probe_epochs": 2}
    weights = str(result.model_file)
    recipe = recipe_of(folder, "regression", weights=weights, **short)
    mine = keras.metrics.RootMeanSquaredError(name="mine")
    tuned = run(recipe.replace(workdir=str(folder.parent / "probe")), metrics=[mine])
    assert tuned.metrics["test_r2"] > 0.8  # goes on from the weights
    assert 0 < tuned.metrics["validation_mine"] < 300  # in the unit of the table


@independent
@pytest.mark.parametrize(
    ("task", "fields", "message"),
    [
        ("regression", {"cutmix": 1.0}, "--cutmix 1.0 has no meaning for --task regr"),
        ("regression", {"label_smoothing": 0.2}, "leave it at 0.1"),
        ("regression", {"ordinal": True}, "--ordinal True has no meaning"),
        ("regression", {"calibrate": True}, "--calibrate"),
        ("regression", {"keep_best": "accuracy"}, "give mae, r2, loss, auto or none"),
        ("multilabel", {"class_balance": "weights"}, "--class-balance weights"),
        ("multilabel", {"keep_best": "mae"}, "give pr_auc, loss, auto or none"),
        ("classification", {"keep_best": "mae"}, "give accuracy, balanced_accuracy"),
        ("segmentation", {}, "classification, multilabel, regression, not segment"),
    ],
)
def test_options_without_a_meaning_are_refused(task, fields, message):
    with pytest.raises(ValueError, match=message) as caught:
        Recipe.of(task=task, **fields)
    assert "\n" not in str(caught.value)
    if task in TASKS:
        Recipe.of(task=task, label_smoothing=0.0, mixup=0.2, tta="flip")


@independent
def test_the_recipe_of_a_task_is_taken():
    recipes = dict.fromkeys(("scratch", "checkpoint", "regression"), Recipe())
    assert _default(recipes, ["--task", "regression"]) == "regression"
    assert _default(recipes, ["--task=regression"]) == "regression"
    assert _default(recipes, ["--task", "multilabel", "--seed", "1"]) == "scratch"
    assert _default(recipes, ["--task", "regression", "--weights", "x"]) == "checkpoint"


@independent
def test_model_cards_say_what_a_model_gives():
    card = {
        "model": "resnet9",
        "parameters": 1,
        "input_shape": [16, 16, 3],
        "preprocessing": {"crop": 1.0, "interpolation": "bicubic"},
        "task": "regression",
        "training_mean": 1200.0,
        "training_std": 150.0,
    }
    text = readme(card, "me/bright", None)
    assert "gives a number." in text and "mean was 1200" in text
    assert "## Classes" not in text and ".numbers)" in text
    several = {"task": "multilabel", "class_names": ["ant", "bee"]}
    text = readme(card | several, "me/stripes", None)
    assert "2 probabilities, one for each class" in text and ".label_names)" in text


@independent
def test_a_task_of_ones_own(monkeypatch):
    monkeypatch.setattr(train.tasks, "TASKS", dict(TASKS))
    monkeypatch.setattr(train.tasks, "TARGETS", dict(train.tasks.TARGETS))

    class Ages(Regression):
        name = "ages"

    train.register_task(Ages(), NumberTargets())
    assert get_task("ages").keep_best == ("mae", "r2", "loss")
    assert Recipe.of(task="ages").data.task == "ages"
    with pytest.raises(ValueError, match="'ages' is taken"):
        train.register_task(Ages(), NumberTargets())
