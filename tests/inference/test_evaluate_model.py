"""Evaluation against scikit-learn, by hand, and against what a run has measured."""

import importlib
import json

import numpy as np
import pytest
from PIL import Image

import keras_hybrid
from keras_hybrid.cli import main
from keras_hybrid.inference import calibration, evaluate, evaluation_text
from keras_hybrid.train import run
from tests.inference.conftest import CLASSES, save_images
from tests.test_cli import error_of
from tests.train.test_selection import load_blobs
from tests.train.tiny import run_on

pytestmark = pytest.mark.backend_independent


def test_calibration_by_hand():
    """Five bins; confidences 0.5, 0.55 in the third, 0.7 and 0.8 in the fourth."""
    first = np.array([0.5, 0.55, 0.7, 0.8, 0.9])
    probabilities = np.stack([first, 1 - first], -1)
    labels = np.array([0, 1, 0, 0, 1])
    found = calibration(probabilities, labels, bins=5)
    np.testing.assert_array_equal(found.counts, [0, 0, 2, 2, 1])
    np.testing.assert_allclose(found.confidence[2:], [0.525, 0.75, 0.9])
    np.testing.assert_allclose(found.accuracy[2:], [0.5, 1, 0])
    assert np.isnan(found.accuracy[:2]).all()
    expected = (2 * 0.025 + 2 * 0.25 + 1 * 0.9) / 5
    assert found.expected_error == pytest.approx(expected)
    assert [row["images"] for row in found.rows()] == [2, 2, 1]
    certain = calibration(np.eye(3), np.arange(3))
    assert certain.expected_error == 0 and certain.counts[-1] == 3


def test_metrics_are_those_of_scikit_learn(trained, labelled):
    sklearn = pytest.importorskip("sklearn.metrics")
    result = evaluate(trained, labelled, batch_size=5)
    true = [CLASSES.index(path.parent.name) for path in result.paths]
    np.testing.assert_array_equal(result.labels, true)
    found = keras_hybrid.load(trained).predict(result.paths)
    np.testing.assert_allclose(result.probabilities, found.probabilities, atol=1e-5)
    predicted = found.labels
    assert len(set(predicted)) > 1 and result.absent == ["bee"]
    accuracy = np.mean(true == predicted)
    assert result.metrics["accuracy"] == pytest.approx(accuracy, abs=1e-5)
    present = sorted({*true, *predicted})
    assert result.metrics["macro_f1"] == pytest.approx(
        sklearn.f1_score(true, predicted, average="macro", labels=present), abs=1e-5
    )
    recalls = sklearn.recall_score(true, predicted, average=None, labels=[0, 2])
    assert result.metrics["balanced_accuracy"] == pytest.approx(
        recalls.mean(), abs=1e-5
    )
    expected = sklearn.precision_recall_fscore_support(
        true, predicted, labels=[0, 1, 2], zero_division=np.nan
    )
    names = ("precision", "recall", "f1", "support")
    for row, values in zip(
        result.class_rows(), zip(*expected, strict=True), strict=True
    ):
        for name, value in zip(names, values, strict=True):
            if row[name] is None:
                assert np.isnan(value) or name == "f1"
            else:
                assert row[name] == pytest.approx(value)
    np.testing.assert_array_equal(
        result.matrix, sklearn.confusion_matrix(true, predicted, labels=[0, 1, 2])
    )
    assert result.metrics["loss"] == pytest.approx(
        sklearn.log_loss(true, found.probabilities, labels=[0, 1, 2]), abs=1e-5
    )


def test_the_command_writes_text_json_and_a_page(trained, labelled, capsys):
    pytest.importorskip("matplotlib")
    (labelled / "ant/broken.png").write_text("no image")
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", str(trained), str(labelled)])
    assert ended.value.code == 1
    printed = capsys.readouterr()
    assert "1 of 13 files cannot be read" in printed.err
    result = evaluate(trained, labelled)
    assert printed.out.startswith(evaluation_text(result))
    for text in ("12 images of 2 classes", "No images of bee.", "balanced_accuracy"):
        assert text in printed.out
    written = json.loads((trained / "evaluation/model.keras.json").read_text())
    assert written == json.loads(json.dumps(result.as_dict()))
    assert list(written["unreadable"]) == [str(labelled / "ant/broken.png")]
    wrong = [row for row in written["mistakes"] if row["class"] == row["predicted"]]
    probabilities = [row["probability"] for row in written["mistakes"]]
    assert not wrong and probabilities == sorted(probabilities, reverse=True)
    page = (trained / "evaluation/model.keras.html").read_text()
    assert page.count("data:image/svg+xml") == 2  # confusion, calibration
    assert page.count('<li data-values="') == len(written["mistakes"])
    assert "broken.png" in page and "No images of bee." in page


def test_a_run_is_measured_again(monkeypatch, tmp_path):
    """With its temperature and its test-time augmentation."""
    module = importlib.import_module("keras_hybrid.train.calibrate")
    monkeypatch.setattr(module, "best_temperature", lambda *_: 1.7)
    settings = {"epochs": 1, "warmup_epochs": 0, "batch_size": 8, "tta": "flip"}
    more = {"calibrate": True, "validation_split": 0.2, "ordinal": True}
    run(run_on(load_blobs, monkeypatch, tmp_path / "run", **settings | more))
    test = load_blobs(None, None, "raise").test
    for i, (pixels, label) in enumerate(zip(test.images, test.labels, strict=True)):
        for split in ("train", "test"):  # of which only the second counts
            folder = tmp_path / "data" / split / "abc"[label]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / f"{i}.png")
    (tmp_path / "data/train/a/extra.png").write_text("no image")
    result = evaluate(tmp_path / "run", tmp_path / "data")
    card = json.loads((tmp_path / "run/card.json").read_text())
    measured = {
        name.removeprefix("test_"): value
        for name, value in card["metrics"].items()
        if name.startswith("test_")
    }
    for name in ("calibration_error", "accepted", "accepted_accuracy"):
        del result.metrics[name]
    assert card["temperature"] == 1.7 and "within_one_accuracy" in measured
    assert result.metrics == pytest.approx(measured, abs=2e-5)
    assert not result.unreadable and not result.note


def test_the_folder_of_the_training_images_is_named(trained, labelled):
    assert not evaluate(trained, labelled).note
    card = json.loads((trained / "card.json").read_text())
    (trained / "card.json").write_text(json.dumps(card | {"dataset": "photos"}))
    assert "trained on most of these images" in evaluate(trained, labelled).note


def test_folders_that_are_refused(trained, labelled, tmp_path, capsys):
    command = ["evaluate", trained]
    assert "is not a folder" in error_of(capsys, *command, tmp_path / "none")
    (labelled / "ant").rename(labelled / "emu")
    text = error_of(capsys, *command, labelled)
    assert "does not have (emu)" in text and "classes are ant, bee, cow" in text
    (tmp_path / "bad/cow").mkdir(parents=True)
    (tmp_path / "bad/cow/0.png").write_text("no image")
    text = error_of(capsys, *command, tmp_path / "bad")
    assert "None of the 1 images" in text
    (trained / "card.json").write_text("{}")
    text = error_of(capsys, *command, labelled)
    assert "have no names" in text and "class_names" in text


def test_a_missing_package_is_told_before_the_work(
    trained, labelled, capsys, monkeypatch
):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    text = error_of(capsys, "evaluate", trained / "none", labelled)
    assert "keras_hybrid[recipes]" in text


def test_many_classes_are_confused_in_pairs(trained, labelled, monkeypatch):
    result = evaluate(trained, labelled)
    assert "Confusion matrix" in evaluation_text(result)
    module = importlib.import_module("keras_hybrid.inference.class_evaluation_text")
    monkeypatch.setattr(module, "FEW_CLASSES", 2)
    text = evaluation_text(result)
    assert "Confusion matrix" not in text and "taken for" in text


def test_every_image_right(trained, tmp_path):
    save_images(tmp_path / "loose", 3)
    classifier = keras_hybrid.load(trained)
    for path in sorted((tmp_path / "loose").iterdir()):
        folder = tmp_path / "sorted" / classifier.predict(path).names[0]
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / path.name)
    result = evaluate(classifier, tmp_path / "sorted")
    assert result.metrics["accuracy"] == 1 and not result.mistake_rows()
    assert "mistakes" not in evaluation_text(result)
