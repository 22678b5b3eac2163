"""What a model puts out for images."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Outputs(NamedTuple):
    """The outputs of a model for images.

    Attributes:
        values: Probabilities or numbers, float32 `(N, outputs)`.
        known: How much each image is like the training images, in [0, 1], `(N,)`; None
            of a model without a rule for unknown images.
    """

    values: np.ndarray
    known: np.ndarray | None = None

    def row(self, index: int) -> "Outputs":
        """The outputs for one image."""
        part = slice(index, index + 1)
        known = None if self.known is None else self.known[part]
        return Outputs(self.values[part], known)


def join(parts: Sequence[Outputs]) -> Outputs:
    """The outputs for all images of several batches of a model."""
    values, known = zip(*parts, strict=True)
    if known[0] is None:
        return Outputs(np.concatenate(values))
    return Outputs(np.concatenate(values), np.concatenate(known))
