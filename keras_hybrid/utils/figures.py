"""Figures of matplotlib, which need not be installed."""

from typing import TYPE_CHECKING

from keras_hybrid.utils.names import shortened
from keras_hybrid.utils.optional import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def require_matplotlib(what: str) -> None:
    """Checks that figures can be drawn, for a caller with long work before them.

    Args:
        what: The work, for the message.

    Raises:
        ImportError: If matplotlib is missing; it names the extra that brings it.
    """
    require("matplotlib", extra="recipes", what=what)


def blank_figure(width: float, height: float) -> "Figure":
    """An empty `matplotlib.figure.Figure`, of no window, that lays itself out.

    Args:
        width, height: In inches.

    Raises:
        ImportError: As `require_matplotlib`.
    """
    require_matplotlib("A figure")
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def short_name(name: str, most: int = 40) -> str:
    """A name for a figure, whose layout fails around long ones.

    Text that has names is drawn with `parse_math=False`: between two dollar signs
    matplotlib reads formulas.
    """
    return shortened(name, most)
