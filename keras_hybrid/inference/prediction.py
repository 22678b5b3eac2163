"""What a classifier says about images."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Probabilities of the classes, for one image or more.

    Attributes:
        probabilities: float32 `(N, classes)`.
        classes: Names of the classes.
    """

    probabilities: np.ndarray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def labels(self) -> np.ndarray:
        """Number of the likeliest class of every image, `(N,)`."""
        return self.probabilities.argmax(-1)

    @property
    def names(self) -> list[str]:
        """Name of the likeliest class of every image."""
        return [self.classes[label] for label in self.labels]

    def top(self, count: int = 5) -> list[list[tuple[str, float]]]:
        """The likeliest classes of every image as (name, probability), best first.

        Args:
            count: How many of them.
        """
        order = np.argsort(-self.probabilities, axis=-1, kind="stable")[:, :count]
        return [
            [(self.classes[i], float(row[i])) for i in best]
            for row, best in zip(self.probabilities, order, strict=True)
        ]
