"""What more images would bring: a power law of the error, with an interval."""

import dataclasses

import numpy as np

SHARE = 0.8
"""Probability of the interval."""
ASYMPTOTES = 0.9 * np.linspace(0.0, 1.0, 20) ** 2
"""Errors that no number of images removes, as shares of the smallest error; small ones
are likelier."""
EXPONENTS = np.linspace(0.05, 1.2, 24)
DRAWS = 4000
_PRIOR = 2.0  # networks that the noise which is expected counts for


@dataclasses.dataclass(frozen=True)
class Forecast:
    """The error of a network that is trained on another number of images.

    Attributes:
        images: Their number.
        low, middle, high: Quantiles of the error: 10 %, 50 % and 90 %.
    """

    images: int
    low: float
    middle: float
    high: float


def forecast(
    sizes: np.ndarray, errors: np.ndarray, images: int, noise: float
) -> Forecast:
    """Forecasts the error by `a + b * images ** -c` (Hestness et al. 2017).

    All pairs of `a` and `c` on a grid are weighed by how well they explain the errors,
    with the best `b` and its uncertainty. So the interval knows that few sizes leave
    the curve open. Networks of the same size show how much training scatters.

    Args:
        sizes: Training images of each network, `(N,)`, of two sizes or more.
        errors: Their errors, `(N,)`, above 0.
        images: The number of images to forecast for.
        noise: The scatter that is expected, as a standard deviation; it counts like two
            networks beside those that are there.

    Returns:
        The interval of one network, of probability `SHARE`.

    Raises:
        ValueError: If there is one size.

    Example:
        >>> sizes = np.array([250, 250, 500, 1000])
        >>> forecast(sizes, np.array([0.5, 0.52, 0.42, 0.35]), 2000, 0.01)
    """
    if len(np.unique(sizes)) < 2:
        raise ValueError("A power law needs networks of two sizes or more.")
    scatter = _scatter(sizes, errors, noise)
    unit = sizes.max()
    means = np.array([errors[sizes == size].mean() for size in np.unique(sizes)])
    a = (ASYMPTOTES * means.min())[:, None]
    c = EXPONENTS[None]
    x = (sizes / unit)[:, None, None] ** -c  # (N, 1, exponents)
    y = errors[:, None, None] - a  # (N, asymptotes, 1)
    square = (x * x).sum(0)
    b = (x * y).sum(0) / square
    misfit = ((y - b * x) ** 2).sum(0) / scatter**2
    evidence = np.exp(-(misfit - misfit.min()) / 2) / np.sqrt(square) * (b > 0)
    rng = np.random.default_rng(0)
    chosen = rng.choice(evidence.size, DRAWS, p=(evidence / evidence.sum()).ravel())
    row, column = np.unravel_index(chosen, evidence.shape)
    slope = rng.normal(b[row, column], scatter / np.sqrt(square[0, column]))
    drawn = a[row, 0] + np.maximum(slope, 0) * (images / unit) ** -c[0, column]
    drawn += rng.normal(0, scatter, DRAWS)
    tail = (1 - SHARE) / 2
    low, middle, high = np.quantile(np.maximum(drawn, 0), [tail, 0.5, 1 - tail])
    return Forecast(images, float(low), float(middle), float(high))


def _scatter(sizes: np.ndarray, errors: np.ndarray, noise: float) -> float:
    """Standard deviation between networks of the same size, with what is expected."""
    groups = [errors[sizes == size] for size in np.unique(sizes)]
    squares = sum(((group - group.mean()) ** 2).sum() for group in groups)
    freedom = sum(len(group) - 1 for group in groups)
    return float(np.sqrt((squares + _PRIOR * noise**2) / (freedom + _PRIOR)))
