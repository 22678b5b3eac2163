"""Features of small images without training: responses to patches of the images.

Random patches, whitened, are the filters; their rectified responses are averaged in a
grid of cells (Coates, Lee, Ng 2011, "An analysis of single-layer networks in
unsupervised feature learning"). A ridge regression on them tells what images show as
well as a small network does after minutes on few images, and takes seconds.
"""

import itertools
from collections.abc import Callable

import numpy as np

from keras_hybrid.data.lazy_images import LazyImages

SIDE = 32
"""Height and width, in pixels, for which the size of the patches is meant."""

_PATCH, _STRIDE, _GRID = 6, 2, 3
LEAST = 10
"""Pixels of a side from which on every cell of the grid has a patch."""
_FILTERS = 256
_SAMPLED = 4000  # patches from which the whitening is estimated
_THRESHOLD = 0.25
_CONTRAST, _VARIANCE = 10.0, 0.1  # added to variances of pixels, of whitened patches
_CHUNK = 64


class PatchFeatures:
    """Filters that are patches of some images.

    Args:
        images: uint8 `(N, H, W, 3)`; at least `LEAST` pixels high and wide.
    """

    def __init__(self, images: np.ndarray | LazyImages):
        rng = np.random.default_rng(0)
        patches = _normalized(_sample(images, rng))
        mean = patches.mean(0)
        values, vectors = np.linalg.eigh(np.cov(patches.T))
        whitening = vectors / np.sqrt(values + _VARIANCE) @ vectors.T
        picked = rng.permutation(len(patches))[:_FILTERS]
        filters = (patches[picked] - mean) @ whitening
        filters /= np.linalg.norm(filters, axis=1, keepdims=True)
        self._kernel = (whitening @ filters.T).astype("float32")  # (patch, filters)
        self._offset = (mean @ self._kernel).astype("float32")

    def __call__(
        self,
        images: np.ndarray | LazyImages,
        change: Callable[[np.ndarray], np.ndarray] = lambda images: images,
    ) -> np.ndarray:
        """Features of images of the same size, float32 `(N, features)`.

        Args:
            images: uint8 `(N, H, W, 3)`.
            change: What is done to each batch of images first, e.g. mirrored.
        """
        starts = range(0, len(images), _CHUNK)
        chunks = (images[np.arange(x, min(x + _CHUNK, len(images)))] for x in starts)
        return np.concatenate([self._respond(change(chunk)) for chunk in chunks])

    def _respond(self, images: np.ndarray) -> np.ndarray:
        windows = _windows(images)[:, ::_STRIDE, ::_STRIDE]
        count, rows, columns = windows.shape[:3]
        patches = _normalized(windows.reshape(count * rows * columns, -1))
        responses = patches @ self._kernel - self._offset
        responses = responses.reshape(count, rows, columns, -1)
        pooled = [
            np.maximum(sign * responses[:, down, across] - _THRESHOLD, 0).mean((1, 2))
            for down in _cells(rows)
            for across in _cells(columns)
            for sign in (1, -1)
        ]
        return np.concatenate(pooled, -1)


def _cells(length: int) -> list[slice]:
    """Parts of a side, the same from either end, so that no direction is special."""
    edges = np.rint(np.linspace(0, length, _GRID + 1)).astype(int)
    return [slice(*pair) for pair in itertools.pairwise(edges)]


def _windows(images: np.ndarray) -> np.ndarray:
    """All patches of images, `(N, rows, columns, 3, size, size)`, without a copy."""
    shape = (_PATCH, _PATCH)
    return np.lib.stride_tricks.sliding_window_view(images, shape, (1, 2))


def _sample(images: np.ndarray | LazyImages, rng: np.random.Generator) -> np.ndarray:
    """Random patches `(_SAMPLED, patch)` of random images."""
    chosen = rng.integers(len(images), size=_SAMPLED)
    found, places = np.unique(chosen, return_inverse=True)
    windows = _windows(images[found])
    rows, columns = (rng.integers(n, size=_SAMPLED) for n in windows.shape[1:3])
    return windows[places, rows, columns].reshape(_SAMPLED, -1)


def _normalized(patches: np.ndarray) -> np.ndarray:
    """Patches `(N, patch)` of mean 0 and with the same contrast, float32."""
    patches = patches.astype("float32")
    patches -= patches.mean(1, keepdims=True)
    return patches / np.sqrt(patches.var(1, keepdims=True) + _CONTRAST)
