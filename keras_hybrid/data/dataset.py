"""A data set in memory: images, labels, and the names of the classes."""

import dataclasses
import hashlib

import numpy as np


@dataclasses.dataclass(frozen=True)
class Split:
    """Images with their labels.

    Attributes:
        images: uint8 pixels `(N, H, W, 3)`.
        labels: Class numbers `(N,)`, from 0.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> "Split":
        """The images at those places, in that order."""
        return Split(self.images[indices], self.labels[indices])


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A training and a test split.

    Attributes:
        name: What it is called.
        train: Images to learn from.
        test: Images to be judged by.
        class_names: One name a class, in the order of the labels.
    """

    name: str
    train: Split
    test: Split
    class_names: tuple[str, ...]

    def fingerprint(self) -> str:
        """SHA-256 (first 16 hex digits) of every pixel and label."""
        digest = hashlib.sha256()
        for split in (self.train, self.test):
            digest.update(np.ascontiguousarray(split.images))
            digest.update(np.ascontiguousarray(split.labels, dtype="int64"))
        return digest.hexdigest()[:16]
