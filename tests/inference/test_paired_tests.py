"""Paired tests and intervals: hand-computed values, and what holds for any data."""

import math

import numpy as np
import pytest

from keras_hybrid.inference.compare.image_scores import ImageScores
from keras_hybrid.inference.compare.paired_bootstrap import (
    difference,
    mean_samples,
    recall_samples,
)
from keras_hybrid.inference.compare.paired_tests import holm, mcnemar, sign_flip
from keras_hybrid.inference.compare.pairs import compare_pairs, mean_recalls

pytestmark = pytest.mark.backend_independent


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),  # 2 * 1/2
        (5, 0, 2 / 32),
        (1, 5, 2 * (1 + 6) / 64),
        (3, 3, 1.0),
        (2, 8, 2 * (1 + 10 + 45) / 1024),
    ],
)
def test_mcnemar_is_the_binomial_tail(first, second, expected):
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-12)
    assert mcnemar(second, first) == mcnemar(first, second)


def test_mcnemar_of_many_is_exact():
    count, least = 3000, 1400
    tail = sum(math.comb(count, k) for k in range(least + 1))
    expected = 2 * tail / 2**count
    assert mcnemar(least, count - least) == pytest.approx(expected, rel=1e-9)
    assert 0 <= mcnemar(0, 40_000) < 1e-300


def test_sign_flips_agree_with_mcnemar_and_with_enumeration():
    gain = np.repeat([1.0, -1.0, 0.0], [12, 4, 50])
    assert sign_flip(gain) == pytest.approx(mcnemar(4, 12), abs=0.02)
    sums = np.array([3.0, 1.0, -2.0, 5.0])  # by hand: 6 of the 16 sums reach 7
    assert sign_flip(sums) == pytest.approx(6 / 16, abs=0.02)
    assert sign_flip(sums) == sign_flip(sums) == sign_flip(-sums)
    assert sign_flip(np.zeros(5)) == 1
    # three images of each group that answer alike are no three witnesses
    groups = np.repeat(np.arange(4), 3)
    assert sign_flip(np.repeat(sums, 3) / 3, groups) == pytest.approx(6 / 16, abs=0.02)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]


def test_equal_models_are_told_apart_no_more_often_than_promised():
    """Property: of 2,000 pairs that are equally good, at most 5 % have p < 0.05."""
    rng = np.random.default_rng(0)
    both = rng.binomial(60, 0.5, 2000)
    found = [mcnemar(int(x), int(60 - x)) for x in both]
    assert np.mean(np.array(found) < 0.05) <= 0.05
    assert np.mean(np.array(found) < 0.05) > 0.02  # and the test is no constant


def two(right, other):
    return np.array([right, other], "float64")


def test_intervals_cover_the_true_difference():
    """Property: 95 % intervals hold the true difference in about 95 % of cases."""
    rng = np.random.default_rng(1)
    cases, held = 60, 0
    for _ in range(cases):
        shared = rng.random(300)
        values = two(shared < 0.7, (shared < 0.6) | (rng.random(300) < 0.25))
        true = 0.6 + 0.4 * 0.25 - 0.7
        (pair,) = compare_pairs(ImageScores("a", values), np.zeros((300, 1)), None)
        held += pair.difference.low <= true <= pair.difference.high
        gain = values[1].mean() - values[0].mean()
        assert pair.difference.value == pytest.approx(gain, abs=1e-6)
    assert 0.87 <= held / cases < 1


def test_pairing_is_by_image():
    """The interval is that of the differences, narrower than of unpaired models."""
    rng = np.random.default_rng(2)
    right = rng.random(1000) < 0.7
    other = right.copy()
    other[:20] = ~other[:20]
    (pair,) = compare_pairs(
        ImageScores("a", two(right, other)), np.zeros(1000, int), None
    )
    gain = other * 1.0 - right
    half = 1.96 * gain.std() / math.sqrt(1000)
    assert pair.difference.high - pair.difference.low == pytest.approx(
        2 * half, rel=0.1
    )
    assert (
        pair.only_first == right[:20].sum() and pair.only_second == (~right[:20]).sum()
    )
    assert pair.p == pair.adjusted == mcnemar(pair.only_first, pair.only_second)


def test_groups_widen_the_interval_and_change_the_test():
    rng = np.random.default_rng(3)
    gain = rng.choice([0, 1], 40, p=[0.7, 0.3])
    values = two(np.zeros(400), np.repeat(gain, 10))
    labels, groups = np.zeros(400, int), np.repeat(np.arange(40), 10)
    (alone,) = compare_pairs(ImageScores("a", values), labels, None)
    (joint,) = compare_pairs(ImageScores("a", values), labels, groups)
    widths = [x.difference.high - x.difference.low for x in (alone, joint)]
    assert widths[1] > 2 * widths[0]
    assert (alone.test, joint.test) == ("exact McNemar", "sign flips")
    assert alone.p < joint.p


def test_models_that_agree_may_still_differ():
    right = np.ones(100)
    labels = np.repeat([0, 1], [90, 10])
    (pair,) = compare_pairs(ImageScores("a", two(right, right)), labels, None)
    assert pair.p == 1 and not pair.clear and pair.difference.value == 0
    limit = 1 - 0.025 ** (1 / 100)
    assert (
        pair.difference.high == -pair.difference.low == pytest.approx(limit, abs=1e-6)
    )
    assert pair.balanced.high > pair.difference.high  # ten images of a class


def test_patients_that_agree_are_few():
    right, labels = np.ones(200), np.repeat([0, 1], 100)
    groups = np.repeat(np.arange(4), 50)
    (pair,) = compare_pairs(ImageScores("a", two(right, right)), labels, groups)
    limit = 1 - 0.025 ** (1 / 2)  # two of each class
    assert pair.balanced.high == pytest.approx(limit, abs=1e-6)


def test_small_units_keep_their_digits():
    found = difference(np.full(1000, 2e-7), 2.3456789e-7, None)
    assert found.value == 2.34568e-7 and found.low == 2e-7


def test_three_runs_have_three_pairs_and_adjusted_values():
    values = np.array([[1] * 6 + [0] * 14, [0] * 20, [1] * 20], "float64")
    found = compare_pairs(ImageScores("a", values), np.zeros(20, int), None)
    assert [(x.first, x.second) for x in found] == [(0, 1), (0, 2), (1, 2)]
    expected = [2 / 2**6, 2 / 2**14, 2 / 2**20]
    assert [x.p for x in found] == pytest.approx(expected)
    assert [x.adjusted for x in found] == holm([x.p for x in found])
    assert found[0].clear and found[0].difference.value == -0.3


def test_balanced_accuracy_counts_classes_alike():
    labels = np.array([0, 0, 0, 2])
    right = two([1, 1, 1, 0], [0, 0, 0, 1])
    assert mean_recalls(labels, right).tolist() == [0.5, 0.5]
    samples = recall_samples(labels, right)
    lost = np.isin(samples[:, 1], (0.0, 0.5))  # a class without images keeps its recall
    assert samples.shape == (1000, 2) and lost.all()
    assert mean_samples(right).mean(0) == pytest.approx([0.75, 0.25], abs=0.03)


def test_errors_of_numbers_are_compared_by_sign_flips():
    rng = np.random.default_rng(4)
    errors = rng.random(200)
    scores = ImageScores("mean absolute error", two(errors, errors + 0.1), False, True)
    (pair,) = compare_pairs(scores, rng.random((200, 1)), None)
    assert pair.difference == pytest.approx((0.1, 0.1, 0.1))
    assert pair.balanced is None and pair.only_first is None and pair.p == 1e-4
