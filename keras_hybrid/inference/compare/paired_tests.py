"""Tests of two models on the same images."""

from collections.abc import Sequence

import numpy as np

FLIPS = 9999
"""Random assignments of a sign-flip test."""
_CHUNK = 100


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact McNemar test (McNemar 1947), two-sided.

    If two models are equally good, an image that only one of them has right is the
    first one's with probability 1/2: the count has a binomial distribution.

    Args:
        only_first: Images that only the first model has right.
        only_second: Images that only the second model has right.

    Returns:
        The p-value, 1 without such images.
    """
    count, least = only_first + only_second, min(only_first, only_second)
    k = np.arange(1, least + 1)
    logarithms = np.concatenate([[0.0], np.cumsum(np.log(count - k + 1) - np.log(k))])
    tail = np.exp(logarithms - count * np.log(2.0)).sum()
    return float(min(1.0, 2 * tail))


def sign_flip(differences: np.ndarray, groups: np.ndarray | None = None) -> float:
    """A permutation test of the mean of paired differences, two-sided.

    If two models are equally good, the difference of a group of images is as likely
    with the other sign. The p-value is the share of `FLIPS` seeded assignments of
    signs, and of the one that was found, whose sum is as large.

    Args:
        differences: Of each image, `(N,)`.
        groups: Group numbers `(N,)`, if images belong together.
    """
    sums = np.asarray(differences, "float64")
    if groups is not None:
        sums = np.bincount(np.unique(groups, return_inverse=True)[1], sums)
    sums = sums[sums != 0]
    found = abs(sums.sum()) - 1e-9 * np.abs(sums).sum()
    rng, as_large = np.random.default_rng(0), 1
    for start in range(0, FLIPS, _CHUNK):
        rows = min(_CHUNK, FLIPS - start)
        signs = rng.integers(0, 2, (rows, len(sums)), dtype="int8") * 2.0 - 1
        as_large += int((np.abs(signs @ sums) >= found).sum())
    return as_large / (FLIPS + 1)


def holm(values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number (Holm 1979), in the order given."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    adjusted, largest = [0.0] * len(values), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - rank) * values[i]))
        adjusted[i] = largest
    return adjusted
