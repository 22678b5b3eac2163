"""Figures are saved with fonts for all scripts that this machine has fonts for."""

import functools
import re
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FALLBACKS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans CJK TC"),
    *("Noto Sans SC", "Noto Sans JP", "Noto Sans KR", "Source Han Sans SC"),
    *("WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback"),
    *("IPAexGothic", "IPAGothic", "NanumGothic", "Hiragino Sans", "PingFang SC"),
    *("Microsoft YaHei", "Yu Gothic", "MS Gothic", "Malgun Gothic"),
    *("Noto Sans Arabic", "Noto Naskh Arabic", "Amiri", "Noto Sans Hebrew"),
    *("Noto Sans Devanagari", "Noto Sans Thai", "Tahoma", "Arial"),
    *("Noto Emoji", "Segoe UI Emoji", "Segoe UI Symbol", "Apple Symbols", "Symbola"),
    *("Noto Sans Symbols", "Noto Sans Symbols 2", "Arial Unicode MS", "Unifont"),
)
"""Families with letters that matplotlib's own font lacks; those with color bitmaps, of
which matplotlib draws nothing, are left out."""
_MISSING = re.compile(r"Glyph \d+ .* missing from|does not support \w+ natively")


@functools.cache
def families() -> tuple[str, ...]:
    """matplotlib's own family, then the fallbacks that this machine has."""
    from matplotlib import font_manager

    known = {font.name for font in font_manager.fontManager.ttflist}
    return "DejaVu Sans", *(name for name in FALLBACKS if name in known)


def save_figure(figure: "Figure", target: Any, **options: Any) -> None:
    """`figure.savefig`, whose letters come from the first family that has them.

    Letters that no family has are boxes, of which one warning tells, and not one for
    each letter.

    Args:
        figure: The figure; its texts get the families.
        target: As `savefig` takes it.
        **options: As `savefig` takes them.
    """
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_fontfamily(list(families()))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figure.savefig(target, **options)
    missing = [x for x in caught if _MISSING.search(str(x.message))]
    for other in caught:
        if other not in missing:
            warnings.warn_explicit(
                other.message, other.category, other.filename, other.lineno
            )
    if missing:
        _warn_of_missing()


@functools.cache
def _warn_of_missing() -> None:
    """Warns once in a process."""
    warnings.warn(
        "Figures have boxes for letters of names that no font here has; a package such "
        "as fonts-noto-cjk, or unifont for all letters, brings them.",
        stacklevel=4,
    )
