"""Which weights are kept, cross-validation, balance of classes, and calibration."""

import importlib
import json
import shutil
import time
import warnings

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn import metrics

from keras_hybrid import data, models
from keras_hybrid.data import Batches, Split, sources, stratified_folds
from keras_hybrid.inference import load
from keras_hybrid.train import Recipe, run
from keras_hybrid.train.calibrate import best_temperature, calibrate
from keras_hybrid.train.class_metrics import ClassMetric, balanced_accuracy, macro_f1
from keras_hybrid.train.confusion import confusion_matrix
from keras_hybrid.train.crossentropy import Crossentropy, class_weights
from keras_hybrid.train.evaluate import evaluate, scorer
from keras_hybrid.train.fit import fit
from tests.train.tiny import CLASSES, images, interrupting, network, recipe, run_on


def value(x):
    return keras.ops.convert_to_numpy(x)


def log(folder):
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def unlike(count=30):
    """Validation images whose labels have nothing to do with those of `images`."""
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (count, 8, 8, 3), dtype="uint8")
    return Split(pixels, rng.integers(0, CLASSES, count))


@pytest.mark.parametrize("ema", [None, 0.8])
def test_the_best_epoch_is_kept(tmp_path, ema):
    settings = recipe(
        epochs=6, learning_rate=0.05, keep_best="loss", ema_momentum=ema, padding=0
    )
    net, split = network(), unlike()
    kept = fit(settings, tmp_path, net, images(), split)
    losses = [line["val_loss"] for line in log(tmp_path)]
    assert kept == 1 + int(np.argmin(losses)) < 6  # it learns noise by heart
    smoothed = Crossentropy(0.1)
    logits = net.predict(split.images, verbose=0)
    one_hot = np.eye(CLASSES, dtype="float32")[split.labels]
    assert float(smoothed(one_hot, logits)) == pytest.approx(min(losses), rel=1e-4)


def test_patience_and_a_run_that_was_stopped(tmp_path):
    settings = recipe(
        epochs=30, learning_rate=0.05, keep_best="loss", patience=2, padding=0
    )
    ends = []
    for name in ("whole", "stopped"):
        folder = tmp_path / name
        folder.mkdir()
        if name == "stopped":
            with pytest.raises(KeyboardInterrupt):
                fit(
                    settings,
                    folder,
                    network(),
                    images(),
                    unlike(),
                    callbacks=interrupting(1),
                )
        net = network()
        kept = fit(settings, folder, net, images(), unlike())
        assert len(log(folder)) == kept + 2 < 30
        # once more, after everything: nothing is trained any more
        assert fit(settings, folder, network(), images(), unlike()) == kept
        assert len(log(folder)) == kept + 2
        ends.append([value(v) for v in net.variables])
    for one, two in zip(*ends, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("metric", ["balanced_accuracy", "macro_f1"])
def test_metrics_of_classes(metric, tmp_path):
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 3, 60), rng.integers(0, 4, 60)
    labels[labels == 1] = 0  # class 1 never occurs, class 3 is only predicted
    found = ClassMetric(5, metric)
    weight = (np.arange(60) < 50).astype("float32")
    for part in (slice(0, 37), slice(37, 60)):
        found.update_state(
            np.eye(5, dtype="float32")[labels[part]],
            np.eye(5, dtype="float32")[predicted[part]] * 3 - 1,
            weight[part],
        )
    matrix = confusion_matrix(labels[:50], predicted[:50], 5)
    of = {"balanced_accuracy": balanced_accuracy, "macro_f1": macro_f1}[metric]
    by_sklearn = {
        "balanced_accuracy": metrics.balanced_accuracy_score,
        "macro_f1": lambda a, b: metrics.f1_score(a, b, average="macro"),
    }[metric]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a class that is only predicted
        expected = by_sklearn(labels[:50], predicted[:50])
    assert float(of(matrix)) == pytest.approx(expected)
    assert float(found.result()) == pytest.approx(expected, rel=1e-5)
    settings = recipe(keep_best=metric)
    fit(settings, tmp_path, network(), images(), unlike())
    assert 0 < log(tmp_path)[0][f"val_{metric}"] < 1


def test_weights_of_classes():
    labels = np.array([0] * 6 + [2] * 2)
    weights = class_weights(labels, 4)
    np.testing.assert_allclose(weights, [8 / 12, 0, 2, 0], rtol=1e-6)
    assert weights[labels].mean() == pytest.approx(1)
    loss = Crossentropy(0.1, weights)
    plain = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(8, 4)).astype("float32")
    one_hot = np.eye(4, dtype="float32")[labels]
    each = [float(plain(one_hot[i : i + 1], logits[i : i + 1])) for i in range(8)]
    expected = np.mean(weights[labels] * each)
    assert float(loss(one_hot, logits)) == pytest.approx(expected, rel=1e-5)
    assert float(plain(one_hot, logits)) != pytest.approx(expected, rel=1e-3)


@pytest.mark.backend_independent
def test_balanced_batches():
    labels = np.array([0] * 20 + [1] * 7 + [2] * 3)
    split = Split(np.zeros((30, 4, 4, 3), "uint8"), labels)
    batches = Batches(split, 5, 3, 0, balanced=True)
    counts = np.zeros(3)
    orders = []
    for epoch in range(3):
        order = batches._epoch_order(epoch)
        assert len(order) == 30
        found = np.bincount(labels[order], minlength=3)
        np.testing.assert_array_equal(found, [10, 10, 10])
        assert len(set(order[labels[order] == 0])) == 10  # none twice before it must
        assert set(order[labels[order] == 2]) == {27, 28, 29}
        counts += found
        orders.append(tuple(order))
    assert len(set(orders)) == 3
    labels_of_batch = batches[7][1].argmax(-1)
    np.testing.assert_array_equal(labels_of_batch, labels[list(orders[1][5:10])])


@pytest.mark.backend_independent
def test_folds():
    labels = np.random.default_rng(0).integers(0, 4, 53)
    found = stratified_folds(labels, 5, 1)
    assert set(found) == set(range(5))
    for part in (found, *(found[labels == x] for x in range(4))):
        assert np.ptp(np.bincount(part, minlength=5)) <= 1
    assert (stratified_folds(labels, 5, 2) != found).any()
    np.testing.assert_array_equal(stratified_folds(labels, 5, 1), found)


@pytest.mark.backend_independent
def test_temperature():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 4)) * 2
    odds = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    labels = (odds.cumsum(-1) > rng.random((20_000, 1))).argmax(-1)
    for factor in (1.0, 3.0, 0.4):
        found = best_temperature(factor * logits, labels)
        assert found == pytest.approx(factor, rel=0.04)


def load_blobs(data_dir, image_size, corrupt):
    """Images of three grey values under noise, 60, and 30 to test on."""

    def split(count, seed):
        rng = np.random.default_rng(seed)
        labels = np.arange(count) % 3
        pixels = 90 + 30 * labels[:, None, None, None]
        labels = (labels + (np.arange(count) % 5 == 0)) % 3  # a fifth is wrong
        pixels = pixels + rng.normal(0, 60, (count, 16, 16, 3))
        return data.Split(pixels.clip(0, 255).astype("uint8"), labels)

    return data.Dataset("blobs", split(60, 0), split(30, 1), ("a", "b", "c"))


@pytest.fixture
def blobs(monkeypatch, tmp_path):
    """A recipe for them, in a folder of its own."""
    fields = {"epochs": 3, "batch_size": 8, "learning_rate": 5e-3}
    return run_on(load_blobs, monkeypatch, tmp_path / "run", **fields)


@pytest.mark.backend_independent
def test_refit_takes_the_epochs_that_were_best(blobs, tmp_path, capsys, monkeypatch):
    module = importlib.import_module("keras_hybrid.train.calibrate")
    monkeypatch.setattr(module, "best_temperature", lambda *_: 1.7)
    settings = blobs.replace(
        keep_best="accuracy",
        patience=2,
        refit=True,
        calibrate=True,
        tta="flip",
        validation_split=0.3,
    )
    card = run(settings).card
    search = json.loads((tmp_path / "run-search" / "card.json").read_text())
    found = search["metrics"]
    assert "validation_accuracy" in found
    best = found.get("kept_epoch", found["epochs"])
    assert card["metrics"]["epochs"] == best
    assert card["recipe"]["data"]["validation_split"] == 0
    assert card["temperature"] == search["temperature"] == 1.7
    assert "validation_accuracy" not in card["metrics"]
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    test = load_blobs(None, None, "raise").test
    found, _ = evaluate(scorer(model, "flip"), test)
    for name in ("test_loss", "test_macro_f1"):
        assert card["metrics"][name] == pytest.approx(found[name], rel=1e-4)
    plain, _ = evaluate(scorer(model, "none"), test)
    assert plain["test_loss"] != pytest.approx(found["test_loss"], rel=1e-6)
    # predict averages, too
    file = tmp_path / "image.png"
    Image.fromarray(test.images[0]).save(file)
    both = models.average_views(model)(test.images[:1].astype("float32"))
    found = load(tmp_path / "run").predict(file).probabilities
    np.testing.assert_allclose(found, value(both), atol=1e-5)
    # a second time everything is only read
    assert run(settings).card == card
    assert capsys.readouterr().out.count("complete; --overwrite repeats it") == 1


@pytest.mark.backend_independent
def test_time_is_shared(blobs, tmp_path):
    settings = blobs.replace(minutes=0.2, keep_best="loss")
    started = time.perf_counter()
    run(settings.replace(refit=True))
    for folder, minutes in (("run-search", 0.1), ("run", None)):
        found = json.loads((tmp_path / folder / "recipe.json").read_text())
        assert found["optimization"]["minutes"] == minutes
    assert time.perf_counter() - started < 60


def test_folds_become_one_model(blobs, tmp_path):
    card = run(blobs.replace(folds=3, keep_best="loss")).card
    folds = [tmp_path / "run" / f"fold{i}" for i in (1, 2, 3)]
    cards = [json.loads((x / "card.json").read_text()) for x in folds]
    accuracies = [x["metrics"]["validation_accuracy"] for x in cards]
    found = card["metrics"]
    assert found["validation_accuracy_mean"] == pytest.approx(np.mean(accuracies))
    spread = np.std(accuracies, ddof=1)
    assert found["validation_accuracy_std"] == pytest.approx(spread, abs=1e-5)
    test = load_blobs(None, None, "raise").test
    members = [keras.models.load_model(x / "model.keras") for x in folds]
    pixels = test.images.astype("float32")
    logits = [models.logits(x).predict(pixels, verbose=0) for x in members]
    joint = keras.models.load_model(tmp_path / "run" / "model.keras")
    expected = np.mean(logits, axis=0)
    np.testing.assert_allclose(
        models.logits(joint).predict(pixels, verbose=0), expected, atol=1e-5
    )
    right = (expected.argmax(-1) == test.labels).mean()
    assert found["test_accuracy"] == pytest.approx(right, abs=1e-6)
    assert run(blobs.replace(folds=3, keep_best="loss")).card == card


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"patience": 3}, "need --keep-best"),
        ({"refit": True}, "need --keep-best"),
        ({"keep_best": "loss", "validation_split": 0.0}, "need validation images"),
        ({"calibrate": True, "validation_split": 0.0}, "need validation images"),
        ({"folds": 1}, "folds must be 2 or more"),
        ({"folds": 3, "fold": 4}, r"fold must lie in \[1, 3\], not 4"),
        ({"folds": 3, "refit": True, "keep_best": "loss"}, "exclude each other"),
        ({"temperature": 0.0}, "temperature must be above 0"),
        ({"temperature": float("nan")}, "temperature must be above 0"),
        ({"fold": 2}, "--fold needs --folds"),
        ({"keep_best": "loss", "patience": 0}, "patience must be 1 or more"),
    ],
)
def test_settings_that_do_not_go_together(fields, message):
    with pytest.raises(ValueError, match=message):
        Recipe.of(**fields)


@pytest.mark.backend_independent
def test_the_workdir_is_looked_at_before_the_search(blobs, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    refit = blobs.replace(keep_best="loss", refit=True)
    with pytest.raises(ValueError, match="holds other files and no run"):
        run(refit)
    (tmp_path / "run" / "notes.txt").unlink()
    run(blobs)
    with pytest.raises(ValueError, match="holds a run that held images out"):
        run(refit)
    with pytest.raises(ValueError, match=r"other settings \(seed 0 -> 1\)"):
        run(refit.replace(seed=1))
    assert not (tmp_path / "run-search").exists()


@pytest.mark.backend_independent
def test_a_refit_needs_its_search_no_more(blobs, tmp_path, capsys):
    """And it has the batch size of the search, not one for more images."""
    refit = blobs.replace(
        keep_best="loss", refit=True, batch_size=0, epochs=1, warmup_epochs=0
    )
    refit = refit.replace(validation_split=0.5)
    card = run(refit).card
    search = json.loads((tmp_path / "run-search" / "recipe.json").read_text())
    size = search["optimization"]["batch_size"]
    assert card["recipe"]["optimization"]["batch_size"] == size > 0
    shutil.rmtree(tmp_path / "run-search")
    capsys.readouterr()
    assert run(refit).card == card
    assert not (tmp_path / "run-search").exists()
    assert "complete" in capsys.readouterr().out


@pytest.mark.backend_independent
def test_what_cannot_go_well_is_refused_before_training(blobs, tmp_path, monkeypatch):
    wide = data.Dataset(
        "wide", *(Split(np.zeros((6, 16, 24, 3), "uint8"), np.arange(6) % 2),) * 2, "ab"
    )
    monkeypatch.setitem(
        sources.SOURCES, "wide", sources.DatasetSource(lambda **_: wide)
    )
    for changes, message in (
        ({"dataset": "wide", "tta": "d4", "batch_size": 2}, "d4 needs square images"),
        ({"per_class": 1, "keep_best": "loss"}, "none can be held out of 3 training"),
        ({"per_class": 1, "calibrate": True}, "none can be held out of 3 training"),
        ({"folds": 61}, "60 training images do not fill 61 folds"),
    ):
        with pytest.raises(ValueError, match=message):
            run(blobs.replace(**changes))
    # and the corrected command may have the same folder
    run(blobs.replace(epochs=1, warmup_epochs=0))


@pytest.mark.backend_independent
def test_images_that_do_not_tell_the_temperature(capsys):
    net, split = network(), images(count=6)
    net.layers[-1].name = "head"
    logits = net.predict(split.images, verbose=0)
    right = Split(split.images, logits.argmax(-1))
    before = [value(v).copy() for v in net.variables]
    assert calibrate(net, net, right) == 1
    assert "Not calibrated: 6 validation images, 0 of them wrong" in (
        capsys.readouterr().out
    )
    for one, two in zip(before, net.variables, strict=True):
        np.testing.assert_array_equal(one, value(two))
