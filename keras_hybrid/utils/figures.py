"""Figures of matplotlib, which need not be installed."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_matplotlib() -> None:
    """Checks that figures can be drawn, for a caller with long work before them.

    Raises:
        ImportError: If matplotlib is missing; it names the extra that brings it.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "Figures need: pip install 'keras_hybrid[recipes]'"
        ) from error


def blank_figure(width: float, height: float) -> "Figure":
    """An empty `matplotlib.figure.Figure`, of no window, that lays itself out.

    Args:
        width, height: In inches.

    Raises:
        ImportError: As `check_matplotlib`.
    """
    check_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
