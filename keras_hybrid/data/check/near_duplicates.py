"""Finds copies of an image that were compressed again, resized or slightly cropped."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from keras_hybrid.data.check.similarity import aligned_similarity, local_contrast
from keras_hybrid.data.check.thumbnail import Thumbnail

MOST_BITS = 16
"""Bits of 64 in which the pHash of two copies may differ."""

LEAST_CORRELATION = 0.75
"""Correlation of two copies before they are aligned."""

LEAST_SIMILARITY = 0.94
"""Similarity of two copies once they are aligned; docs/check.md has measurements."""

MOST_COLOUR = 24
"""Mean difference of the colours of two copies, in grey levels."""

MOST_PAIRS = 2_000_000
"""Pairs that are aligned at most, which takes a minute or two."""

_BLOCK = 2**22  # pairs whose hashes are compared at once
_CHUNK = 2048  # pairs whose thumbnails are compared at once


class Pair(NamedTuple):
    """Two near-duplicates, by their index, and their similarity."""

    first: int
    second: int
    similarity: float


def near_duplicates(thumbnails: Sequence[Thumbnail]) -> tuple[list[Pair], bool]:
    """Pairs that join all near-duplicates: of N copies, at least N - 1 pairs.

    pHash proposes pairs. Those whose thumbnails agree stay.

    Args:
        thumbnails: Of images that are not of one colour.

    Returns:
        The pairs, and whether all were compared, or only the first `MOST_PAIRS`.
    """
    if len(thumbnails) < 2:
        return [], True
    contrast = np.concatenate(
        [
            local_contrast(
                np.stack([x.grey for x in thumbnails[start : start + _CHUNK]])
            )
            for start in range(0, len(thumbnails), _CHUNK)
        ]
    )
    colours = np.stack([x.colour for x in thumbnails]).astype("float32")
    group = np.arange(len(thumbnails))  # images of the same number are joined
    pairs: list[Pair] = []
    aligned = 0
    hashes = np.array([x.hash for x in thumbnails], dtype="uint64")
    for first, second in _similar_hashes(hashes):
        for start in range(0, len(first), _CHUNK):
            i, j = first[start : start + _CHUNK], second[start : start + _CHUNK]
            apart = group[i] != group[j]
            i, j = i[apart], j[apart]
            likely = _correlation(contrast[i], contrast[j]) >= LEAST_CORRELATION
            likely &= abs(colours[i] - colours[j]).mean((1, 2, 3)) <= MOST_COLOUR
            i, j = i[likely], j[likely]
            if not len(i):
                continue
            aligned += len(i)
            if aligned > MOST_PAIRS:
                return pairs, False
            similarity = aligned_similarity(contrast[i], contrast[j])
            for row in np.flatnonzero(similarity >= LEAST_SIMILARITY):
                pairs.append(Pair(int(i[row]), int(j[row]), float(similarity[row])))
                group[group == group[j[row]]] = group[i[row]]
    return pairs, True


def _similar_hashes(hashes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Indices i < j of images whose hashes differ in few bits, in blocks."""
    rows = max(1, _BLOCK // len(hashes))
    for start in range(0, len(hashes), rows):
        block = hashes[start : start + rows, None]
        differing = np.bitwise_count(block ^ hashes[None, start:])
        first, second = np.nonzero(differing <= MOST_BITS)
        later = first < second
        yield first[later] + start, second[later] + start


def _correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Mean product of images of mean 0 and standard deviation 1."""
    return np.einsum("nij,nij->n", first, second) / np.prod(first.shape[1:])
