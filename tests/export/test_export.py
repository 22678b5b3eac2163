"""Exported files in their own runtimes, against Keras, on logits."""

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.export import ExportMismatch, export, to_litert, to_saved_model, write
from keras_hybrid.export.runtime import Classifier, open_runner
from tests.small import FAMILIES, small

SMALL = {"widths": (16, 32, 48), "heads": (1, 2, 3), "depths": (1, 1, 2)}
pytest.importorskip("ai_edge_litert")


@pytest.fixture
def model(randomise):
    return randomise(models.ATC(classes=5, input_shape=(16, 24, 3), **SMALL))


def test_all_formats(model, tmp_path):
    model.save(tmp_path / "model.keras")
    formats = ("saved_model", "litert", "litert_float16")
    reports = export(tmp_path / "model.keras", formats, tmp_path)
    images = np.random.default_rng(1).uniform(0, 255, (3, 16, 24, 3)).astype("f4")
    expected = keras.ops.convert_to_numpy(model(images))
    for report in reports:
        assert report.max_difference <= (1e-5 if "16" not in report.format else 1e-2)
        assert report.top1_agreement == 1 and not report.foreign_ops
        run, shape = open_runner(report.path)
        assert shape == (16, 24, 3)
        atol = 1e-5 if "16" not in report.format else 1e-2
        for count in (3, 1):
            found = run(images[:count])["probabilities"]
            np.testing.assert_allclose(found, expected[:count], rtol=0, atol=atol)
    with pytest.raises(FileExistsError, match="use --overwrite"):
        export(tmp_path / "model.keras", formats, tmp_path)


def test_a_mismatch_leaves_nothing(model, tmp_path, monkeypatch):
    monkeypatch.setattr(write, "tolerance", lambda *_: -1.0)
    with pytest.raises(ExportMismatch, match="nothing was kept"):
        to_litert(model, tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="one backend will do")
@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_every_family(name, randomise, tmp_path):
    model = randomise(small(name))
    report = to_litert(model, tmp_path / "model.tflite")
    assert report.max_difference <= 1e-5 and not report.foreign_ops
    assert report.top1_agreement == 1


def test_free_size(randomise, tmp_path):
    model = randomise(models.CvT(classes=5, input_shape=(None, None, 3), **SMALL))
    images = np.random.default_rng(1).uniform(0, 255, (2, 40, 56, 3)).astype("f4")
    report = to_saved_model(model, tmp_path / "saved_model", images)
    assert report.max_difference <= 1e-5


def test_classifier_refuses_what_is_no_model(tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"TFL3" * 9)
    (tmp_path / "empty").mkdir()
    for name in ("model.tflite", "empty"):
        with pytest.raises(ValueError, match=name):
            Classifier(tmp_path / name)


@pytest.mark.slow
@pytest.mark.parametrize("builder", [models.ATC13, models.CvT13])
def test_whole_models(builder, randomise, tmp_path):
    model = randomise(builder())
    for report in (
        to_saved_model(model, tmp_path / "saved_model"),
        to_litert(model, tmp_path / "model.tflite"),
    ):
        print(report)
        assert report.max_difference <= 1e-5 and not report.foreign_ops
