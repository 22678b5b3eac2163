"""Unknown images in predictions and evaluations."""

import csv
import json

import numpy as np
import pytest

import keras_hybrid
from keras_hybrid.cli import main
from keras_hybrid.data import Split
from keras_hybrid.inference import evaluate, evaluation_text
from keras_hybrid.inference.rejection import rejection_metrics, rejection_rows
from keras_hybrid.train.unknown import add_rule
from tests.inference.conftest import noise, save_images, save_run, tiny


@pytest.mark.backend_independent
def test_risk_and_coverage_by_hand():
    known = np.array([0.0, 0.04, 0.05, 0.3, 0.9])
    right = np.array([False, False, True, False, True])
    rows = {
        x["threshold"]: (x["accepted"], x["accuracy"])
        for x in rejection_rows(known, right)
    }
    assert rows[0.0] == (1, 0.4) and rows[0.5] == (0.2, 1)
    assert rows[0.05] == pytest.approx((0.6, 2 / 3))
    assert rejection_metrics(known, right)["accepted"] == 0.6
    assert rejection_metrics(np.zeros(2), right[:2]) == {"accepted": 0.0}


@pytest.fixture
def rejecting(tmp_path):
    split = Split(noise((60, 16, 16, 3), 5), np.arange(60) % 3)
    model, _ = add_rule(tiny(), "none", split, split)
    return save_run(tmp_path / "rejecting", model)


def test_predict_says_unknown(rejecting, tmp_path, capsys):
    save_images(tmp_path / "photos", 3)
    strange = np.zeros((16, 16, 3), "uint8")
    strange[::2] = 255
    classifier = keras_hybrid.load(rejecting)
    found = classifier.predict([*sorted((tmp_path / "photos").glob("*")), strange])
    assert found.known.shape == (4,) and found.unknown[3]
    alone = classifier.predict(strange)
    assert alone.lines(2)[0].startswith("unknown") and len(alone.lines(2)) == 3
    out = tmp_path / "out.csv"
    main(["predict", str(rejecting), str(tmp_path / "photos"), "--out", str(out)])
    with open(out) as file:
        rows = list(csv.DictReader(file))
    known = [float(row["known"]) for row in rows]
    np.testing.assert_allclose(known, found.known[:3], atol=1e-4)
    main(
        [
            "predict",
            str(rejecting),
            str(tmp_path / "photos"),
            "--out",
            str(tmp_path / "o.json"),
        ]
    )
    assert "known" in json.loads((tmp_path / "o.json").read_text())[0]


def test_evaluation_counts_what_is_accepted(rejecting, trained, labelled):
    result = evaluate(rejecting, labelled, quiet=True)
    accepted = result.known >= 0.05
    assert result.metrics["accepted"] == pytest.approx(accepted.mean(), abs=1e-6)
    assert "Unknown images" in evaluation_text(result)
    assert len(result.as_dict()["unknown"]) == 6
    plain = evaluate(trained, labelled, quiet=True)
    assert plain.known is None and "accepted" not in plain.metrics
    assert "Unknown" not in evaluation_text(plain)
