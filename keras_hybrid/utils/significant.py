"""Numbers of six significant digits, in whatever unit they are."""


def significant(value: float) -> float:
    """A value of six significant digits."""
    return float(f"{value:.6g}")
