"""Array-like images that are read when they are indexed."""

import concurrent.futures
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import UnidentifiedImageError

from keras_hybrid.data.decode import decode, resize_array
from keras_hybrid.data.pixel_range import PixelRange
from keras_hybrid.data.progress_bar import in_chunks
from keras_hybrid.utils.errors import first_line
from keras_hybrid.utils.typing import Fit

IN_MEMORY = 4 * 2**30
"""Bytes of pixels up to which images are decoded once and stay in memory."""

WORKERS = min(16, os.cpu_count() or 1)
"""Threads that decode or resize a batch; Pillow releases the GIL."""

_CHUNK = 256

Chunk = tuple[bytes | np.ndarray, int]
"""Bytes that a fingerprint hashes, and the number of images that they hold: the rows of
an array, one file, or none."""


class LazyImages:
    """Images `(N, H, W, 3)` that are read when they are indexed.

    Args:
        shape: `(N, H, W, 3)`.
        dtype: `"uint8"`, or `"float32"` for images of more than 8 bits.
    """

    def __init__(
        self, shape: tuple[int, int, int, int], dtype: npt.DTypeLike = "uint8"
    ):
        self.dtype = np.dtype(dtype)
        count, height, width, channels = map(int, shape)
        self.shape = (count, height, width, channels)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """The images at these indices, `(len(indices), H, W, 3)`."""
        raise NotImplementedError

    def fingerprint_chunks(self, indices: np.ndarray) -> Iterator[Chunk]:
        """The bytes of these images that a fingerprint hashes, in chunks."""
        return _pixels(self, indices)

    @property
    def nbytes(self) -> int:
        """Size of all images in memory, in bytes."""
        return int(np.prod(self.shape, dtype="int64")) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, indices: np.ndarray | slice | int) -> np.ndarray:
        indices = np.arange(len(self))[indices]
        return self.read(indices) if indices.ndim else self.read(indices[None])[0]

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> np.ndarray:
        return np.asarray(self[:], dtype)


class Subset(LazyImages):
    """Some of the images of an array, without a copy.

    Args:
        base: Array or `LazyImages`.
        indices: Indices of the images in `base`, `(N,)`.
    """

    def __init__(self, base: np.ndarray | LazyImages, indices: np.ndarray):
        self.base: np.ndarray | LazyImages = base
        self.indices: np.ndarray = indices
        if isinstance(base, Subset):
            self.base, self.indices = base.base, base.indices[indices]
        super().__init__((len(indices), *base.shape[1:]), base.dtype)

    def read(self, indices: np.ndarray) -> np.ndarray:
        return np.asarray(self.base[self.indices[indices]])

    def fingerprint_chunks(self, indices: np.ndarray) -> Iterator[Chunk]:
        return fingerprint_chunks(self.base, self.indices[indices])


class Resized(LazyImages):
    """Images resized on demand, see `decode.resize_array`.

    Args:
        base: Array or `LazyImages`.
        side: Height and width, in pixels.
        fit: How an image of another aspect ratio fills them.
    """

    def __init__(self, base: np.ndarray | LazyImages, side: int, fit: Fit = "crop"):
        super().__init__((len(base), side, side, 3), base.dtype)
        self.base = base
        self.fit: Fit = fit

    def read(self, indices: np.ndarray) -> np.ndarray:
        originals = self.base[indices]
        return in_threads(
            lambda row: resize_array(row, self.shape[1:3], self.fit),
            originals,
            self.shape[1:],
            self.dtype,
        )

    def fingerprint_chunks(self, indices: np.ndarray) -> Iterator[Chunk]:
        yield _described_resize(self.shape, self.fit), 0
        yield from fingerprint_chunks(self.base, indices)


class ImageFiles(LazyImages):
    """Image files, decoded when they are indexed.

    Args:
        names: Names of the files.
        size: Height and width that images are resized to, see `decode.decode`.
        opener: Opens a file by its name.
        fit: How an image of another aspect ratio fills the size.
        pixel_range: Of files of more than 8 bits; all pixels are float32 then.
    """

    def __init__(
        self,
        names: Sequence[str],
        size: tuple[int, int],
        opener: Callable[[str], BinaryIO],
        fit: Fit = "crop",
        pixel_range: PixelRange | None = None,
    ):
        dtype = "uint8" if pixel_range is None else "float32"
        super().__init__((len(names), *size, 3), dtype)
        self.pixel_range = pixel_range
        self.names = names
        self.opener = opener
        self.fit: Fit = fit

    def read(self, indices: np.ndarray) -> np.ndarray:
        names = [self.names[index] for index in indices]
        return in_threads(self.decode, names, self.shape[1:], self.dtype)

    def decode(self, name: str) -> np.ndarray:
        """The pixels of a file.

        Raises:
            ValueError: If the file cannot be decoded; the message names it.
        """
        try:
            with self.opener(name) as file:
                return decode(file, self.shape[1:3], self.fit, self.pixel_range)
        except Exception as error:  # damaged files raise many kinds
            raise ValueError(
                f"{name} cannot be decoded ({reason(error)}). Fix it or remove it, "
                "or use --corrupt skip."
            ) from error

    def fingerprint_chunks(self, indices: np.ndarray) -> Iterator[Chunk]:
        """The contents of the files; nothing is decoded for a fingerprint."""
        yield _described_resize(self.shape, self.fit), 0
        if self.pixel_range is not None:
            yield repr(self.pixel_range).encode(), 0
        for index in indices:
            with self.opener(self.names[index]) as file:
                content = file.read()
            yield len(content).to_bytes(8, "little"), 0
            yield content, 1


def fingerprint_chunks(
    images: np.ndarray | LazyImages, indices: np.ndarray
) -> Iterator[Chunk]:
    """The bytes that a fingerprint hashes: pixels, or the contents of image files."""
    if isinstance(images, LazyImages):
        return images.fingerprint_chunks(indices)
    return _pixels(images, indices)


def load_into_memory(images: np.ndarray | LazyImages) -> np.ndarray | LazyImages:
    """Reads the images into an array if they fit in memory."""
    if is_in_memory(images) or images.nbytes > IN_MEMORY:
        return images
    array = np.empty(images.shape, images.dtype)
    for indices in in_chunks(len(images), "Preparing images", _CHUNK):
        array[indices] = images[indices]
    return array


def allocate_images(shape: tuple[int, ...], folder: pathlib.Path) -> np.ndarray:
    """An empty array: in memory if it fits, otherwise in a deleted file in `folder`.

    Raises:
        OSError: If the disk has not enough free space.
    """
    needed = int(np.prod(shape, dtype="int64"))
    if needed <= IN_MEMORY:
        return np.empty(shape, dtype="uint8")
    folder.mkdir(parents=True, exist_ok=True)
    if needed > shutil.disk_usage(folder).free:
        raise OSError(
            f"{shape[0]:,} images of {shape[1]}x{shape[2]} need {needed / 2**30:.1f} "
            f"GiB, more than is free in {folder}; lower --image-size."
        )
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, dtype="uint8", mode="w+", shape=shape)


def in_threads(
    function: Callable[..., np.ndarray],
    items: Sequence | np.ndarray,
    shape: tuple[int, ...],
    dtype: npt.DTypeLike = "uint8",
) -> np.ndarray:
    """Stacks `function(item)`, each an array of `shape`, computed in threads."""
    results = np.empty((len(items), *shape), dtype)

    def work(first: int) -> None:
        for row in range(first, len(items), WORKERS):
            results[row] = function(items[row])

    threads = min(WORKERS, len(items))
    with concurrent.futures.ThreadPoolExecutor(max(threads, 1)) as pool:
        list(pool.map(work, range(threads)))
    return results


def reason(error: Exception) -> str:
    """The message of an error, in one line."""
    if isinstance(error, UnidentifiedImageError):
        return "no known image format"
    return first_line(error)


def is_in_memory(images: np.ndarray | LazyImages) -> bool:
    """Whether reading the images costs no more than copying them."""
    if isinstance(images, Subset):
        return is_in_memory(images.base)
    return isinstance(images, np.ndarray) and not isinstance(images, np.memmap)


def _described_resize(shape: tuple[int, ...], fit: Fit) -> bytes:
    """What a fingerprint says of a resize; nothing of a crop, as it always was."""
    return (repr(shape[1:]) + (fit if fit != "crop" else "")).encode()


def _pixels(images: np.ndarray | LazyImages, indices: np.ndarray) -> Iterator[Chunk]:
    for start in range(0, len(indices), _CHUNK):
        pixels = np.ascontiguousarray(images[indices[start : start + _CHUNK]])
        yield pixels, len(pixels)
