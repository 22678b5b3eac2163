"""Learning curves: the power law and its interval, and the networks of a curve."""

import json

import numpy as np
import pytest

from keras_hybrid.data import Dataset, Split
from keras_hybrid.train import LearningCurve, learning_curve
from keras_hybrid.train.learning_curve import members
from keras_hybrid.train.power_law import forecast
from tests.train.tiny import run_on

pytestmark = pytest.mark.backend_independent

SIZES = np.repeat([250, 500, 1000], [3, 2, 1])


def test_interval_has_its_probability():
    rng = np.random.default_rng(1)
    hits = []
    for _ in range(120):
        floor, slope = rng.uniform(0, 0.15), rng.uniform(0.1, 0.4)
        exponent, scatter = rng.uniform(0.15, 0.7), rng.uniform(0.003, 0.015)

        def error(images, a=floor, b=slope, c=exponent):
            return a + b * (images / 1000) ** -c

        errors = error(SIZES) + rng.normal(0, scatter, len(SIZES))
        found = forecast(SIZES, errors, 2000, 0.01)
        truth = error(2000) + rng.normal(0, scatter)
        hits.append(found.low <= truth <= found.high)
        assert found.low < found.middle < found.high
    assert 0.7 < np.mean(hits) < 0.93


def test_interval_widens_with_scatter_and_distance():
    errors = 0.4 * (SIZES / 1000.0) ** -0.4
    scattered = errors + np.array([0.03, -0.03, 0, 0.03, -0.03, 0])
    near, far, rough = (
        forecast(SIZES, values, images, 0.005)
        for values, images in ((errors, 2000), (errors, 8000), (scattered, 2000))
    )
    assert near.low <= 0.4 * 2**-0.4 <= near.high
    widths = [x.high - x.low for x in (near, far, rough)]
    assert widths[1] > widths[0] and widths[2] > 1.5 * widths[0]
    with pytest.raises(ValueError, match="two sizes"):
        forecast(SIZES[:3], errors[:3], 2000, 0.01)


def blobs(data_dir, image_size, corrupt):
    rng = np.random.default_rng(0)
    labels = np.arange(48) % 3
    pixels = rng.normal(0, 60, (48, 16, 16, 3)) + 60 * labels[:, None, None, None]
    split = Split(pixels.clip(0, 255).astype("uint8"), labels)
    return Dataset("blobs", split, split, ("a", "b", "c"))


def test_curve_of_a_dataset(monkeypatch, tmp_path, capsys):
    fields = {"epochs": 1, "batch_size": 16, "validation_split": 0.0, "padding": 0}
    recipe = run_on(blobs, monkeypatch, tmp_path / "curve", **fields)
    settings = LearningCurve(recipe, shares=(0.5, 1.0))
    found = learning_curve(settings)
    assert [x["images"] for x in found["points"]] == [24, 24, 48]
    ahead = found["forecast"]
    assert ahead["images"] == 96 and 0 <= ahead["low"] <= ahead["high"] <= 1
    assert {row["class"] for row in found["classes"]} == {"a", "b", "c"}
    assert "Twice the images (96): " in found["text"]
    folder = tmp_path / "curve"
    assert json.loads((folder / "curve.json").read_text()) == found
    assert found["text"].split(".")[0] in (folder / "curve.html").read_text()
    assert len((folder / "curve.csv").read_text().splitlines()) == 4
    again = learning_curve(settings)  # complete networks are only read
    assert again == found and capsys.readouterr().out.count("complete") == 3


def test_time_is_shared_and_options_are_checked(monkeypatch, tmp_path):
    recipe = run_on(blobs, monkeypatch, tmp_path, minutes=10.0)
    found = members(LearningCurve(recipe), recipe)
    assert [share for share, _ in found] == [0.25] * 3 + [0.5] * 2 + [1.0]
    minutes = [x.optimization.minutes for x in found.values()]
    assert sum(minutes) == pytest.approx(10) and minutes[-1] > minutes[0]
    assert len({x.directory for x in found.values()}) == 6
    for change in ({"fraction": 0.5}, {"folds": 3}):
        with pytest.raises(ValueError, match="takes neither"):
            LearningCurve(recipe.replace(**change))
    with pytest.raises(ValueError, match="--shares"):
        LearningCurve(recipe, shares=(1.0,))
