"""Group numbers of images that findings or names put together."""

from collections.abc import Iterable, Sequence

import numpy as np

from keras_hybrid.data.check.duplicates import joined
from keras_hybrid.data.check.finding import Finding
from keras_hybrid.data.check.read_image_files import CheckedImage


def indices_of(
    findings: Iterable[Finding], images: Sequence[CheckedImage]
) -> list[list[int]]:
    """The groups of findings as indices of the images."""
    number = {image.name: index for index, image in enumerate(images)}
    return [[number[x] for x in group] for of in findings for group in of.groups]


def number_groups(count: int, together: Iterable[Sequence[int]]) -> np.ndarray:
    """Group numbers `(count,)` of images that are joined, directly or by others."""
    first = np.arange(count)
    pairs = ((x[0], other) for x in together for other in x[1:])
    for members in joined(pairs):
        first[list(members)] = min(members)
    return np.unique(first, return_inverse=True)[1]
