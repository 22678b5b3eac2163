"""Figures of matplotlib, which need not be installed."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def blank_figure(width: float, height: float) -> "Figure":
    """An empty `matplotlib.figure.Figure`, of no window, that lays itself out.

    Args:
        width, height: In inches.

    Raises:
        ImportError: If matplotlib is missing; it names the extra that brings it.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "Figures need: pip install 'keras_hybrid[recipes]'"
        ) from error
    return Figure(figsize=(width, height), layout="constrained")
