"""Scores of numbers and of several classes per image, against scikit-learn."""

import numpy as np
import pytest

from keras_hybrid.train.label_set_scores import (
    average_precision,
    best_thresholds,
    label_scores,
    label_set_headline,
    label_set_metrics,
    largest_losses,
)
from keras_hybrid.train.number_scores import (
    largest_errors,
    number_headline,
    number_metrics,
)
from keras_hybrid.train.r_squared import RSquared

sklearn = pytest.importorskip("sklearn.metrics")
independent = pytest.mark.backend_independent


@pytest.fixture
def numbers():
    rng = np.random.default_rng(0)
    labels = 1e6 + rng.normal(size=(200, 1))  # far from 0
    return labels + 0.3 * rng.normal(size=labels.shape), labels


@pytest.fixture
def several():
    rng = np.random.default_rng(0)
    labels = (rng.random((150, 4)) < (0.5, 0.2, 0.05, 0.0)).astype("uint8")
    probabilities = np.clip(0.4 * labels + 0.6 * rng.random(labels.shape), 0, 1)
    return probabilities.round(2), labels  # with equal ones


@independent
def test_number_metrics(numbers):
    values, labels = numbers
    found = number_metrics(values, labels)
    assert found["r2"] == pytest.approx(sklearn.r2_score(labels, values), rel=1e-5)
    error = sklearn.mean_absolute_error(labels, values)
    assert found["mae"] == pytest.approx(error, rel=1e-5)
    squared = sklearn.mean_squared_error(labels, values)
    assert found["rmse"] == pytest.approx(squared**0.5, rel=1e-5)
    assert number_metrics(values[:1], labels[:1])["r2"] == 0
    worst = np.abs(values - labels)[:, 0].argmax()
    assert largest_errors(values, labels, 3)[0] == worst


@independent
def test_r2_of_equal_numbers_is_0():
    labels = np.full((12, 1), 0.7)
    values = labels + np.linspace(0, 1, 12)[:, None]
    assert number_headline(values, labels)["r2"]["low"] == 0


@independent
def test_number_headline(numbers):
    values, labels = numbers
    found = number_headline(values, labels)
    assert found["mae"]["low"] < found["mae"]["value"] < found["mae"]["high"]
    (line,) = found["text"]
    assert (
        "on 200 images with numbers from" in line and "Always answering 1e+06" in line
    )
    constant = np.full_like(labels, np.median(labels))
    verdict = number_headline(constant, labels)["text"][1]
    assert verdict == "This is no better than always answering 1e+06."
    groups = np.arange(200) // 20
    wide = number_headline(values + 0.1 * groups[:, None], labels, groups)["mae"]
    narrow = number_headline(values + 0.1 * groups[:, None], labels)["mae"]
    assert wide["high"] - wide["low"] > 2 * (narrow["high"] - narrow["low"])


def test_r2_of_batches_is_that_of_the_whole(numbers):
    values, labels = numbers
    metric = RSquared(float(labels.mean()), float(labels.std()))
    weights = np.arange(200) % 3
    for part in np.array_split(np.arange(200), 7):
        metric.update_state(labels[part], values[part], weights[part])
    expected = sklearn.r2_score(labels, values, sample_weight=weights)
    assert float(metric.result()) == pytest.approx(expected, abs=0.05)  # of 1e6 in f4
    near = RSquared(0.0, 1.0)
    near.update_state(labels - 1e6, values - 1e6)
    assert float(near.result()) == pytest.approx(
        sklearn.r2_score(labels, values), abs=1e-4
    )
    again = RSquared.from_config(metric.get_config())
    assert (again.mean, again.std) == (metric.mean, metric.std)


@independent
def test_label_set_metrics(several):
    probabilities, labels = several
    thresholds = np.array([0.5, 0.4, 0.6, 0.5])
    found = label_set_metrics(probabilities, labels, thresholds)
    each = average_precision(probabilities, labels)
    expected = [
        sklearn.average_precision_score(labels[:, k], probabilities[:, k])
        for k in range(3)
    ]
    np.testing.assert_allclose(each[:3], expected)
    assert np.isnan(each[3])  # no image has it
    assert found["mean_average_precision"] == pytest.approx(np.mean(expected), abs=1e-6)
    said = probabilities > thresholds
    scores = label_scores(said, labels)
    reference = sklearn.precision_recall_fscore_support(
        labels, said, zero_division=np.nan
    )
    for name, values in zip(
        ("precision", "recall", "f1", "support"), reference, strict=True
    ):
        np.testing.assert_allclose(scores[name][:3], values[:3], err_msg=name)
    assert found["exact_match"] == pytest.approx(
        sklearn.accuracy_score(labels, said), abs=1e-6
    )
    flat = labels.ravel(), probabilities.ravel()
    assert found["loss"] == pytest.approx(sklearn.log_loss(*flat), abs=1e-6)


@independent
def test_thresholds_have_the_best_f1(several):
    probabilities, labels = several
    found = np.array(best_thresholds(probabilities, labels))
    assert (found[2:] == 0.5).all()  # of few images, and of none
    scores = label_scores(probabilities > found, labels)["f1"]
    for other in np.linspace(0, 1, 51):
        others = label_scores(probabilities > other, labels)["f1"]
        assert (np.nan_to_num(others[:2]) <= scores[:2]).all()
    apart = np.array([0.1, 0.2, 0.3, 0.35, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95])[:, None]
    assert best_thresholds(apart, (apart > 0.5).astype("uint8")) == [0.5]
    assert best_thresholds(apart / 2, (apart > 0.5).astype("uint8")) == [0.25]
    assert best_thresholds(apart / 2, (apart > 0.6).astype("uint8")) == [0.5]  # few


@independent
def test_label_set_headline(several):
    probabilities, labels = several
    found = label_set_headline(probabilities, labels)
    interval = found["mean_average_precision"]
    assert interval["low"] < interval["value"] < interval["high"]
    (line,) = found["text"]
    assert "150 images with 0.6 of 3 classes each" in line
    noise = np.random.default_rng(1).random(labels.shape)
    assert "better than random order" in label_set_headline(noise, labels)["text"][1]


@independent
def test_random_order_has_the_mean_precision_of_random_orders():
    labels = (np.arange(15)[:, None] < [1, 2, 6]).astype("uint8")
    rng = np.random.default_rng(0)
    orders = [average_precision(rng.random(labels.shape), labels) for _ in range(3000)]
    found = label_set_headline(labels.astype(float), labels)["by_chance"]
    assert found == pytest.approx(np.mean(orders), abs=0.005)


@independent
def test_the_surest_mistakes():
    labels = np.array([[1, 0], [1, 0], [0, 1]])
    probabilities = np.array([[0.9, 0.7], [0.8, 0.1], [0.95, 0.9]])
    np.testing.assert_array_equal(largest_losses(probabilities, labels, 5), [2, 0])
