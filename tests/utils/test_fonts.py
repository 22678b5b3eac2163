"""Names in any script in figures: letters of other fonts, and no flood of warnings."""

import warnings

import pytest

from keras_hybrid.utils import fonts
from keras_hybrid.utils.figures import blank_figure

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.backend_independent
NAMES = (
    "\u87fb\u732b",
    "\u0646\u0645\u0644\u0629",
    "\U0001f41c\U0001f9a0",
    "\uac1c\ubbf8",
)


@pytest.fixture(autouse=True)
def fresh():
    """As in a new process."""
    caches = fonts.families, fonts._warn_of_missing
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


def drawn(path):
    figure = blank_figure(4, 3)
    axes = figure.subplots()
    axes.set_yticks(range(len(NAMES)), NAMES, parse_math=False)
    axes.set_title(NAMES[2])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fonts.save_figure(figure, path)
        fonts.save_figure(figure, path)
    assert path.stat().st_size > 2000
    return figure, [str(x.message) for x in caught]


def test_letters_without_a_font_are_said_once(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "families", lambda: ("DejaVu Sans",))
    _, said = drawn(tmp_path / "figure.png")
    assert len(said) == 1 and "no font here has" in said[0]


def test_families_that_are_here_are_used(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "FALLBACKS", ("No Such Font", "DejaVu Serif"))
    figure, _ = drawn(tmp_path / "figure.svg")
    assert fonts.families() == ("DejaVu Sans", "DejaVu Serif")
    labels = figure.axes[0].get_yticklabels() + [figure.axes[0].title]
    assert all(x.get_fontfamily() == list(fonts.families()) for x in labels)


def test_other_warnings_stay(tmp_path):
    class Warning_:
        def findobj(self, kind):
            return []

        def savefig(self, target):
            warnings.warn("the axes are empty", stacklevel=1)

    with pytest.warns(UserWarning, match="the axes are empty"):
        fonts.save_figure(Warning_(), tmp_path)
