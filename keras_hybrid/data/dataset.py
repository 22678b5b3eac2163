"""A dataset: images (in memory or not), their labels, and the class names."""

import dataclasses
import functools
import hashlib

import numpy as np

from keras_hybrid.data.digests import hash_images
from keras_hybrid.data.lazy_images import LazyImages, Subset, load_into_memory


@dataclasses.dataclass(frozen=True)
class Split:
    """Images with their labels.

    Attributes:
        images: uint8 pixels `(N, H, W, 3)`: an array, a memory map, or
            `LazyImages`, which reads images when it is indexed.
        labels: Class numbers `(N,)`, integers from 0.
        paths: The file of each image, `(N,)` of str, where they are known.
        groups: Group numbers `(N,)`, where a group must not be split: copies of an
            image, frames of a video, images of a patient. They count for both splits
            of a dataset.
        held_out: Whether each image is given for validation, `(N,)` bool.

    Raises:
        ValueError: If an array has another shape or dtype. No image is read.
    """

    images: np.ndarray | LazyImages
    labels: np.ndarray
    paths: np.ndarray | None = None
    groups: np.ndarray | None = None
    held_out: np.ndarray | None = None

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
        for name in ("paths", "groups", "held_out"):
            rows = getattr(self, name)
            if rows is not None and len(rows) != len(labels):
                raise ValueError(f"There are {shape[0]} images and {len(rows)} {name}.")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> "Split":
        """The images at these indices, in this order, read into an array."""
        return self._with(self.images[indices], indices)

    def select(self, indices: np.ndarray) -> "Split":
        """The images at these indices, in this order, neither read nor copied."""
        return self._with(Subset(self.images, indices), indices)

    def load_into_memory(self) -> "Split":
        """The same split with its images read into memory, if they fit."""
        return dataclasses.replace(self, images=load_into_memory(self.images))

    def _with(self, images: np.ndarray | LazyImages, indices: np.ndarray) -> "Split":
        """These images with what else is known of them."""
        known = self.paths, self.groups, self.held_out
        rows = (None if x is None else x[indices] for x in known)
        return Split(images, self.labels[indices], *rows)


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
            return dataclasses.replace(chosen, labels=chosen.labels - first)

        names = self.class_names[first:stop]
        return Dataset(self.name, select(self.train), select(self.test), names)

    def fingerprint(self) -> str:
        """SHA-256 (first 16 hex digits) of all pixels and labels, and of groups.

        Images that are decoded on demand count by the contents of their files and the
        size that they are resized to. The images are read once; a second call, and
        `seen_in_training`, read nothing.
        """
        return self._digests[0]

    def seen_in_training(self) -> np.ndarray:
        """Which test images the network knows from training, bool `(N,)`.

        These are identical to a training image, or of the group of one.
        """
        _, train, test = self._digests
        seen = np.isin(test, train)
        if self.train.groups is not None and self.test.groups is not None:
            seen |= np.isin(self.test.groups, self.train.groups)
        return seen

    @functools.cached_property
    def _digests(self) -> tuple[str, np.ndarray, np.ndarray]:
        """The fingerprint, and a hash of each image of both splits."""
        whole = hashlib.sha256()
        of_images = []
        for split in (self.train, self.test):
            of_images.append(hash_images(split.images, whole))
            whole.update(np.asarray(split.labels, dtype="int64").tobytes())
            for rows in (split.groups, split.held_out):
                if rows is not None:
                    whole.update(np.asarray(rows, dtype="int64").tobytes())
        train, test = of_images
        return whole.hexdigest()[:16], train, test


def _described(value: object) -> str:
    """dtype and shape of an array, or the type of another object."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype} {tuple(value.shape)}"
    return f"a {type(value).__name__}"
