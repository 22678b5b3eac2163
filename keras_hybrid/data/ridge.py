"""Ridge regression of classes on features, and what it says of images left out."""

from collections.abc import Iterator

import numpy as np

_PENALTY = 1.0
_FLOOR = 0.01  # added to the standard deviation of each feature
_CHUNK = 1024


class Ridge:
    """One score per class, fitted to 1 for the class of an image and -1 for others.

    Args:
        features: `(N, F)`.
        labels: Class numbers `(N,)`.
        classes: Number of classes.
    """

    def __init__(self, features: np.ndarray, labels: np.ndarray, classes: int):
        self._mean = features.mean(0)
        self._scale = 1 / ((features.std(0) + _FLOOR) * np.sqrt(features.shape[1]))
        self._rows = self._scaled(features)
        self._targets = 2.0 * np.eye(classes)[labels] - 1
        count, width = self._rows.shape
        if self._few:
            kernel = (self._rows @ self._rows.T).astype("float64")
            self._inverse = np.linalg.inv(kernel + _PENALTY * np.eye(count))
            self._weights = self._rows.T @ (self._inverse @ self._targets)
        else:
            gram = _PENALTY * np.eye(width)
            for rows in _chunks(self._rows):
                gram += rows.T @ rows
            self._inverse = np.linalg.inv(gram)
            self._weights = self._inverse @ (self._rows.T @ self._targets)

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Scores `(N, classes)` of other images, the highest for the likeliest."""
        return self._scaled(features) @ self._weights

    def left_out(self, groups: np.ndarray | None = None) -> np.ndarray:
        """Scores `(N, classes)` of each image, as if it had not been fitted to.

        They are exact, without fitting again.

        Args:
            groups: Group numbers `(N,)` of images that are left out together.
        """
        residuals = self._targets - self._rows @ self._weights
        scores = self._targets - residuals / self._unexplained()[:, None]
        for members in _several(groups):
            share = np.linalg.solve(self._block(members), residuals[members])
            scores[members] = self._targets[members] - share
        return scores

    def left_out_of(self, features: np.ndarray) -> np.ndarray:
        """Scores `(N, classes)` of changed images, without the original of each.

        Args:
            features: Of the same images as were fitted to, e.g. mirrored.
        """
        rows = self._scaled(features)
        if self._few:
            shared = ((rows @ self._rows.T) * self._inverse).sum(1)
        else:
            parts = zip(_chunks(rows), _chunks(self._rows), strict=True)
            shared = np.concatenate(
                [((x @ self._inverse) * y).sum(1) for x, y in parts]
            )
        residuals = self._targets - self._rows @ self._weights
        return (
            rows @ self._weights - residuals * (shared / self._unexplained())[:, None]
        )

    def _scaled(self, features: np.ndarray) -> np.ndarray:
        rows = (features - self._mean) * self._scale
        return np.append(rows, np.ones((len(rows), 1), rows.dtype), 1)

    @property
    def _few(self) -> bool:
        """Whether there are fewer images than features."""
        return len(self._rows) <= self._rows.shape[1]

    def _unexplained(self) -> np.ndarray:
        """1 minus the share of its own label in the score of each image, `(N,)`."""
        if self._few:
            return _PENALTY * np.diag(self._inverse)
        parts = [((x @ self._inverse) * x).sum(1) for x in _chunks(self._rows)]
        return 1 - np.concatenate(parts)

    def _block(self, members: np.ndarray) -> np.ndarray:
        """The same for images of a group, which also explain each other."""
        if self._few:
            return _PENALTY * self._inverse[np.ix_(members, members)]
        rows = self._rows[members]
        return np.eye(len(members)) - rows @ self._inverse @ rows.T


def _chunks(rows: np.ndarray) -> Iterator[np.ndarray]:
    return (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK))


def _several(groups: np.ndarray | None) -> Iterator[np.ndarray]:
    """The indices of each group of more than one image."""
    if groups is not None:
        sizes = np.bincount(groups)
        yield from (np.flatnonzero(groups == x) for x in np.flatnonzero(sizes > 1))
