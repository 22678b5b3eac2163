"""Which mistakes a page shows, and how many fit on it."""

import re

import numpy as np
import pytest

from keras_hybrid.train import mistake_gallery
from keras_hybrid.train.confusion import varied_mistakes
from keras_hybrid.train.confusion_sections import add_mistakes
from keras_hybrid.train.label_set_sections import add_label_mistakes
from keras_hybrid.train.number_sections import add_errors
from keras_hybrid.utils.page import Page

pytestmark = pytest.mark.backend_independent
NAMES = ("<ant>", "bee", "cat")
# true class, predicted class, its probability
CASES = [(0, 1, 0.9), (0, 1, 0.8), (2, 1, 0.5), (0, 0, 0.95), (0, 1, 0.7), (1, 2, 0.6)]
LABELS = np.array([x for x, *_ in CASES])
PROBABILITIES = np.array(
    [[p if k == found else (1 - p) / 2 for k in range(3)] for _, found, p in CASES]
)


def noise(index):
    rng = np.random.default_rng(index)
    return rng.integers(0, 256, (100, 100, 3), dtype="uint8")


def titles(page):
    return re.findall(r'">?<p>([^<]*)</p>', page.html())


def test_each_pair_of_classes_comes_before_a_second_mistake_of_one():
    assert varied_mistakes(PROBABILITIES, LABELS).tolist() == [0, 5, 2, 1, 4]


def test_pictures_are_shown_by_confidence_within_a_budget(monkeypatch):
    monkeypatch.setattr(mistake_gallery, "PICTURES", 3)
    page = Page("t")
    paths = [f"/photos/ant/{i}.jpg" for i in range(len(CASES))]
    add_mistakes(page, noise, PROBABILITIES, LABELS, NAMES, paths)
    text = page.html()
    assert titles(page) == [
        "&lt;ant&gt; \u2192 bee 90%",
        "bee \u2192 cat 60%",
        "cat \u2192 bee 50%",
    ]
    assert "3 of 5 are shown" in text and "ant/0.jpg" in text and "photos" not in text
    monkeypatch.setattr(mistake_gallery, "BYTES", 1)
    small = Page("t")
    add_mistakes(small, noise, PROBABILITIES, LABELS, NAMES)
    assert titles(small) == ["&lt;ant&gt; \u2192 bee 90%"]


def test_a_full_page_is_below_5_mb():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 100, 1000)
    probabilities = rng.dirichlet(np.ones(100), 1000)
    page = Page("t")  # noise is what JPEG stores worst
    add_mistakes(page, noise, probabilities, labels, tuple(map(str, range(100))))
    assert 1e6 < len(page.html()) < 5e6


def test_a_test_without_mistakes_says_so():
    page = Page("t")
    add_mistakes(page, noise, np.eye(3), np.arange(3), NAMES)
    assert "Every test image was classified correctly." in page.html()


def test_other_tasks_have_properties_of_their_own():
    page = Page("t")
    found = np.array([[0.9, 0.2], [0.1, 0.9]])
    add_label_mistakes(page, noise, found, np.array([[0, 0], [1, 1]]), NAMES)
    add_errors(page, noise, np.array([[1.0], [3.5]]), np.array([[2.0], [3.0]]))
    text = page.html()
    assert set(titles(page)) == {
        "no &lt;ant&gt; \u2192 90%",
        "&lt;ant&gt; \u2192 10%",
        "2 \u2192 1",
        "3 \u2192 3.5",
    }
    for value in ("missed", "not there", "too high", "too low"):
        assert f">{value}</option>" in text
