"""The rule for unknown images: its fit, what it promises, and which runs have one."""

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.data import Split
from keras_hybrid.train import run
from keras_hybrid.train.evaluate import averaged
from keras_hybrid.train.unknown import (
    accepted_interval,
    add_rule,
    describe_rule,
    whitening,
)
from tests.train.test_selection import load_blobs
from tests.train.tiny import run_on


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    ("held_out", "expected"),
    [
        (19, (0.823533, 0.998668)),
        (100, (0.900743, 0.983568)),
        (500, (0.929419, 0.967385)),
    ],
)
def test_interval_is_that_of_the_beta_distribution(held_out, expected):
    """By scipy.stats.beta.ppf; 1, 5 and 25 of the held-out images are rejected."""
    np.testing.assert_allclose(accepted_interval(held_out), expected, atol=1e-6)


@pytest.mark.backend_independent
def test_few_images_promise_nothing():
    assert "95 % of known images are accepted" in describe_rule(500)
    few = describe_rule(30)
    assert "95 %" not in few and "30 held-out images leave open" in few


@pytest.mark.backend_independent
def test_whitening_is_the_inverse_root_of_the_covariance():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 6)) @ rng.normal(size=(6, 6))
    white = (x - x.mean(0)) @ whitening(x - x.mean(0))
    np.testing.assert_allclose(white.T @ white / len(x), np.eye(6), atol=0.02)
    few = whitening(x[:3])  # fewer images than channels
    assert np.isfinite(few).all()


def _split(count, seed):
    """Blue, green and red images with a little noise."""
    labels = np.arange(count) % 3
    pixels = np.full((count, 16, 16, 3), 60.0)
    pixels[np.arange(count), :, :, labels] = 180
    noise = np.random.default_rng(seed).normal(0, 12, pixels.shape)
    return Split((pixels + noise).clip(0, 255).astype("uint8"), labels)


def _share_accepted(model, pixels):
    known = models.known(model).predict(pixels.astype("f4"), verbose=0)
    assert known.min() >= 0 and known.max() <= 1
    return (known >= 0.05).mean()


def test_known_images_are_accepted_and_others_rejected():
    keras.utils.set_random_seed(0)
    plain = models.ResNet9(
        classes=3, widths=(8, 8, 8), stem_width=4, input_shape=(16, 16, 3)
    )
    for tta in ("none", "flip"):
        model, facts = add_rule(plain, tta, _split(300, 0), _split(199, 1))
        assert facts["unknown"]["held_out"] == 199
        model = averaged(model, tta)
        share = _share_accepted(model, _split(199, 1).images)
        assert share == pytest.approx(0.95, abs=0.006)
        assert _share_accepted(model, _split(600, 2).images) > 0.88
        rng = np.random.default_rng(3)
        assert _share_accepted(model, rng.integers(0, 256, (60, 16, 16, 3))) < 0.1
        assert _share_accepted(model, np.full((20, 16, 16, 3), 128)) < 0.1


def test_runs_with_validation_images_have_a_rule(tmp_path, monkeypatch):
    recipe = run_on(load_blobs, monkeypatch, tmp_path, epochs=1, batch_size=8)

    def card_of(name, **fields):
        result = run(recipe.replace(workdir=str(tmp_path / name), **fields))
        return result.card, models.familiarity(result.load())

    card, layer = card_of("rule", validation_split=0.3)
    assert layer is not None and card["unknown"]["held_out"] >= 10
    assert any("known images" in x for x in card["unknown"]["text"])
    for fields in (
        {"validation_split": 0.0},
        {"validation_split": 0.3, "reject": False},
    ):
        card, layer = card_of(str(len(fields)), **fields)
        assert layer is None and "unknown" not in card
