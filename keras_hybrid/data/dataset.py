"""A dataset: images (in memory or not), their labels, and the class names."""

import dataclasses
import hashlib

import numpy as np

from keras_hybrid.data.lazy_images import (
    LazyImages,
    Subset,
    fingerprint_chunks,
    load_into_memory,
)


@dataclasses.dataclass(frozen=True)
class Split:
    """Images with their labels.

    Attributes:
        images: uint8 pixels `(N, H, W, 3)`: an array, a memory map, or
            `LazyImages`, which reads images when it is indexed.
        labels: Class numbers `(N,)`, integers from 0.

    Raises:
        ValueError: If images or labels have another shape or dtype. No image is read.
    """

    images: np.ndarray | LazyImages
    labels: np.ndarray

    def __post_init__(self) -> None:
        shape: tuple[int, ...] = getattr(self.images, "shape", ())
        dtype = getattr(self.images, "dtype", None)
        if len(shape) != 4 or shape[-1] != 3 or dtype != np.uint8:
            raise ValueError(
                "Images must be an array (N, H, W, 3) of uint8 pixels in [0, 255], "
                f"not {_described(self.images)}."
            )
        labels = self.labels
        integers = isinstance(labels, np.ndarray) and labels.dtype.kind in "iu"
        if not integers or labels.ndim != 1:
            raise ValueError(
                "Labels must be an array (N,) of integer class numbers, not "
                f"{_described(labels)}."
            )
        if len(labels) != shape[0]:
            raise ValueError(f"There are {shape[0]} images and {len(labels)} labels.")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> "Split":
        """The images at these indices, in this order, read into an array."""
        return Split(self.images[indices], self.labels[indices])

    def select(self, indices: np.ndarray) -> "Split":
        """The images at these indices, in this order, neither read nor copied."""
        return Split(Subset(self.images, indices), self.labels[indices])

    def load_into_memory(self) -> "Split":
        """The same split with its images read into memory, if they fit."""
        return Split(load_into_memory(self.images), self.labels)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A training and a test split.

    Attributes:
        name: Name of the dataset.
        train: Training split.
        test: Test split.
        class_names: One name per class, in the order of the labels.

    Raises:
        ValueError: If a label has no class name.
    """

    name: str
    train: Split
    test: Split
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        classes = len(self.class_names)
        for part in ("train", "test"):
            labels = getattr(self, part).labels
            wrong = labels[(labels < 0) | (labels >= classes)]
            if len(wrong):
                raise ValueError(
                    f"{self.name} has {classes} class names, so its labels must lie in "
                    f"[0, {classes - 1}]; the {part} split has a label {wrong[0]}."
                )

    def select_classes(self, first: int, stop: int) -> "Dataset":
        """The images of the classes from `first` up to `stop`, which is not included.

        Raises:
            ValueError: If there are fewer classes.
        """
        if stop > len(self.class_names):
            raise ValueError(
                f"{self.name} has {len(self.class_names)} classes, not {stop}."
            )

        def select(split: Split) -> Split:
            labels = np.asarray(split.labels)
            chosen = split.select(np.flatnonzero((labels >= first) & (labels < stop)))
            return Split(chosen.images, chosen.labels - first)

        names = self.class_names[first:stop]
        return Dataset(self.name, select(self.train), select(self.test), names)

    def fingerprint(self) -> str:
        """SHA-256 (first 16 hex digits) of all pixels and labels.

        Images that are decoded on demand count by the contents of their files and the
        size that they are resized to.
        """
        digest = hashlib.sha256()
        for split in (self.train, self.test):
            for chunk in fingerprint_chunks(split.images, np.arange(len(split))):
                digest.update(chunk)  # type: ignore[arg-type]  # arrays, too
            digest.update(np.asarray(split.labels, dtype="int64").tobytes())
        return digest.hexdigest()[:16]


def _described(value: object) -> str:
    """dtype and shape of an array, or the type of another object."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype} {tuple(value.shape)}"
    return f"a {type(value).__name__}"
