"""A dataset: images (in memory or not), their labels, and the class names."""

import dataclasses
import functools
import hashlib
from collections.abc import Mapping

import numpy as np

from keras_hybrid.data.digests import hash_images
from keras_hybrid.data.lazy_images import LazyImages, Subset, load_into_memory
from keras_hybrid.data.pixel_range import PixelRange
from keras_hybrid.data.targets import CLASSIFICATION, get_targets
from keras_hybrid.utils.names import breaks_text

_LOOKED_AT = 256


@dataclasses.dataclass(frozen=True)
class Split:
    """Images with their labels.

    Attributes:
        images: uint8 pixels `(N, H, W, 3)`, or float32 pixels in [0, 255] for images of
            more than 8 bits: an array, a memory map, or `LazyImages`, which reads
            images when it is indexed.
        labels: Class numbers `(N,)`, integers from 0; or for other tasks than
            classification a row of numbers for each image, `(N, outputs)`.
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
        if len(shape) != 4 or shape[-1] != 3 or dtype not in (np.uint8, np.float32):
            raise ValueError(
                "Images must be an array (N, H, W, 3) of uint8 or float32 pixels in "
                f"[0, 255], not {_described(self.images)}."
            )
        labels = self.labels
        kinds = {1: "iu", 2: "iuf"}.get(getattr(labels, "ndim", 0), "")
        if not isinstance(labels, np.ndarray) or labels.dtype.kind not in kinds:
            raise ValueError(
                "Labels must be an array (N,) of integer class numbers, or (N, "
                f"outputs) of numbers, not {_described(labels)}."
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
        class_names: One name per class, in the order of the labels; for regression
            one per number.
        task: What the labels are, a key of `TARGETS`.
        pixel_range: The values of black and white in files of more than 8 bits, if it
            has such files.
        corrected: How many labels a review confirmed, moved and dropped, by action;
            None if no corrections were applied.

    Raises:
        ValueError: If a label has no class name, or no number, a class name breaks a
            line of text, or float32 pixels have another range.
    """

    name: str
    train: Split
    test: Split
    class_names: tuple[str, ...]
    task: str = CLASSIFICATION
    pixel_range: PixelRange | None = None
    corrected: Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        for split in (self.train, self.test):
            _check_floats(split.images, self.name)
        classes = len(self.class_names)
        if broken := next(filter(breaks_text, self.class_names), None):
            raise ValueError(
                f"{self.name}: the class name {broken!r} has the end of a line or "
                "another control character; rename the class."
            )
        for part in ("train", "test"):
            labels = getattr(self, part).labels
            if labels.ndim != get_targets(self.task).dimensions:
                raise ValueError(
                    f"{self.name}: labels of the {part} split are "
                    f"{_described(labels)}, which are none of {self.task}."
                )
            if labels.ndim == 2:
                if labels.shape[1] != classes or not np.isfinite(labels).all():
                    raise ValueError(
                        f"{self.name}: the labels of the {part} split must be finite, "
                        f"(N, {classes}) by their names, not {_described(labels)}."
                    )
                continue
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

        return dataclasses.replace(
            self,
            train=select(self.train),
            test=select(self.test),
            class_names=self.class_names[first:stop],
        )

    def fingerprint(self) -> str:
        """SHA-256 (first 16 hex digits) of all pixels and labels, and of groups.

        Images that are decoded on demand count by the contents of their files and the
        size that they are resized to. The images are read once; a second call, and
        `seen_in_training`, read nothing.
        """
        return self._digests[0]

    def image_digests(self) -> tuple[np.ndarray, np.ndarray]:
        """A hash of each image of the training and of the test split, uint64 `(N,)`."""
        return self._digests[1:]

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
            kind = "float64" if split.labels.dtype.kind == "f" else "int64"
            whole.update(np.asarray(split.labels, dtype=kind).tobytes())
            for rows in (split.groups, split.held_out):
                if rows is not None:
                    whole.update(np.asarray(rows, dtype="int64").tobytes())
        train, test = of_images
        return whole.hexdigest()[:16], train, test


def _check_floats(images: np.ndarray | LazyImages, name: str) -> None:
    """Looks at some of the images of an array of floats."""
    if not isinstance(images, np.ndarray) or images.dtype != np.float32:
        return
    some = images[:: max(len(images) // _LOOKED_AT, 1)]
    low, high = (some.min(), some.max()) if some.size else (0, 255)
    if not (low >= 0 and high <= 255):  # also if one is not a number
        raise ValueError(
            f"{name}: float32 pixels must lie in [0, 255], not [{low:g}, {high:g}]."
        )
    if 0 < high <= 1:
        raise ValueError(
            f"{name}: float32 pixels must lie in [0, 255], and these lie in [0, 1]: "
            "multiply them by 255."
        )


def _described(value: object) -> str:
    """dtype and shape of an array, or the type of another object."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype} {tuple(value.shape)}"
    return f"a {type(value).__name__}"
