"""Where figures begin."""

import sys

import pytest

from keras_hybrid.utils.figures import blank_figure

pytestmark = pytest.mark.backend_independent


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"keras_hybrid\[recipes\]"):
        blank_figure(4, 3)


def test_size_in_inches():
    pytest.importorskip("matplotlib")
    assert blank_figure(4, 3).get_size_inches().tolist() == [4, 3]
