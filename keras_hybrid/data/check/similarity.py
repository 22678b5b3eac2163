"""How similar two small images are, whatever their contrast, crop and compression."""

import numpy as np

_FINE, _COARSE, _LOCAL = 1.0, 3.0, 4.0
"""Standard deviations of the Gaussians, in pixels of the thumbnail."""
_FLOOR = 0.3
"""Share of an image's contrast that counts as local contrast where there is none."""
_MARGIN = 2
"""Pixels at the borders that are not compared: a copy may be cropped."""
_RIDGE = np.array([1e-3, 1e-3, 10, 10, 10, 10])
"""Penalty of each term of an alignment: shifts and changes of scale are small."""


def local_contrast(grey: np.ndarray) -> np.ndarray:
    """Images with the same contrast everywhere, so that all details count.

    Differences of two Gaussians leave out the compression's noise and smooth shades.
    They are divided by their local standard deviation: otherwise the bright core of
    every galaxy would outweigh all that distinguishes it.

    Args:
        grey: Grey values `(N, S, S)`.

    Returns:
        float32 `(N, S, S)`, each of mean 0 and standard deviation 1.
    """
    grey = grey.astype("float32")
    band = _blur(grey, _FINE)
    band -= _blur(band, _COARSE)
    spread = band.std((1, 2), keepdims=True)
    band /= np.sqrt(_blur(band**2, _LOCAL)) + _FLOOR * spread + 0.5
    band -= band.mean((1, 2), keepdims=True)
    return band / (band.std((1, 2), keepdims=True) + 1e-6)


def aligned_similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The share of an image's variance that the other explains once it is aligned.

    To first order, an image that is shifted and scaled by little is a sum of itself and
    of its gradient, times constants and times the position. Least squares find the
    best sum at once. The better of both directions counts.

    Args:
        first, second: From `local_contrast`, `(N, S, S)`; row i is compared with row i.

    Returns:
        `(N,)`, at most 1.
    """
    return np.maximum(_explained(first, second), _explained(second, first))


def _explained(target: np.ndarray, source: np.ndarray) -> np.ndarray:
    """R squared of the regression of `target` on the shifted and scaled `source`."""
    count, side, _ = source.shape
    place = np.linspace(-1, 1, side, dtype=source.dtype)
    down, across = np.gradient(source, axis=(1, 2))
    terms = (
        np.ones_like(source),
        source,
        across,
        down,
        across * place,
        down * place[:, None],
    )
    inner = slice(_MARGIN, side - _MARGIN)
    # (N, 6, K) and (N, K, 1) for K pixels
    basis = np.stack([x[:, inner, inner].reshape(count, -1) for x in terms], 1)
    wanted = target[:, inner, inner].reshape(count, -1, 1)
    gram = basis @ basis.transpose(0, 2, 1) + np.diag(_RIDGE)
    weights = np.linalg.solve(gram, basis @ wanted)
    rest = wanted - basis.transpose(0, 2, 1) @ weights.astype(basis.dtype)
    return 1 - rest.var((1, 2)) / (wanted.var((1, 2)) + 1e-6)


def _blur(images: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of `(N, S, S)`, which are mirrored at their borders."""
    side, reach = images.shape[1], int(4 * sigma)
    mirrored = np.pad(np.eye(side), ((reach, reach), (0, 0)), "symmetric")
    offsets = np.arange(side)[:, None] - np.arange(-reach, side + reach)
    weights = np.exp(-(offsets**2) / (2 * sigma**2)) * (abs(offsets) <= reach)
    kernel = weights / weights.sum(1, keepdims=True) @ mirrored
    kernel = kernel.astype(images.dtype)
    return kernel @ images @ kernel.T
