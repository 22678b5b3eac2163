"""Pictures that are read when they are asked for, with the face of a uint8 array."""

import concurrent.futures
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from keras_hybrid.data.picture import decode, fit
from keras_hybrid.data.progress import in_chunks
from keras_hybrid.utils.errors import first_line

IN_MEMORY = 4 * 2**30
"""Bytes of pixels up to which images are decoded once and held."""

WORKERS = min(16, os.cpu_count() or 1)
"""Threads that decode or resize a batch; Pillow lets them run side by side."""

_CHUNK = 256


class Images:
    """uint8 pictures `(N, H, W, 3)` that `read` makes; indexed like a NumPy array.

    Args:
        shape: `(N, H, W, 3)`.
    """

    dtype = np.dtype("uint8")

    def __init__(self, shape: tuple[int, int, int, int]):
        self.shape = tuple(int(side) for side in shape)

    def read(self, places: np.ndarray) -> np.ndarray:
        """The pictures at those places, `(len(places), H, W, 3)`."""
        raise NotImplementedError

    def pieces(self, places: np.ndarray) -> Iterator[bytes | np.ndarray]:
        """What a fingerprint hashes of those pictures, a piece at a time."""
        return _pixels(self, places)

    @property
    def nbytes(self) -> int:
        """Bytes that all pictures take up once they are read."""
        return int(np.prod(self.shape, dtype="int64"))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, places: np.ndarray | slice | int) -> np.ndarray:
        places = np.arange(len(self))[places]
        return self.read(places) if places.ndim else self.read(places[None])[0]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self[:], dtype)


class View(Images):
    """Some of the pictures of another sequence, none of them copied.

    Args:
        base: Array or `Images`; of another view its base is taken.
        places: Which, `(N,)`, from 0.
    """

    def __init__(self, base: np.ndarray | Images, places: np.ndarray):
        if isinstance(base, View):
            base, places = base.base, base.places[places]
        super().__init__((len(places), *base.shape[1:]))
        self.base = base
        self.places = places

    def read(self, places: np.ndarray) -> np.ndarray:
        return np.asarray(self.base[self.places[places]])

    def pieces(self, places: np.ndarray) -> Iterator[bytes | np.ndarray]:
        return pieces(self.base, self.places[places])


class Resized(Images):
    """The pictures of another sequence at another size, see `picture.fit`.

    Args:
        base: Array or `Images`.
        side: Height and width, in pixels.
    """

    def __init__(self, base: np.ndarray | Images, side: int):
        super().__init__((len(base), side, side, 3))
        self.base = base

    def read(self, places: np.ndarray) -> np.ndarray:
        originals = self.base[places]
        return in_threads(
            lambda row: np.asarray(fit(Image.fromarray(row), self.shape[1:3])),
            originals,
            self.shape[1:],
        )

    def pieces(self, places: np.ndarray) -> Iterator[bytes | np.ndarray]:
        yield repr(self.shape[1:]).encode()
        yield from pieces(self.base, places)


class Files(Images):
    """Image files, decoded when they are asked for.

    Args:
        names: Their names.
        size: Height and width that each is brought to, see `picture.fit`.
        opener: Opens a file by its name.
    """

    def __init__(
        self,
        names: Sequence[str],
        size: tuple[int, int],
        opener: Callable[[str], BinaryIO],
    ):
        super().__init__((len(names), *size, 3))
        self.names = names
        self.opener = opener

    def read(self, places: np.ndarray) -> np.ndarray:
        names = [self.names[place] for place in places]
        return in_threads(self.decode, names, self.shape[1:])

    def decode(self, name: str) -> np.ndarray:
        """One file's pixels.

        Raises:
            ValueError: If it cannot be decoded; names the file.
        """
        try:
            with self.opener(name) as file:
                return decode(file, self.shape[1:3])
        except Exception as error:  # damaged files raise many kinds
            raise ValueError(
                f"{name} cannot be decoded ({reason(error)}). Mend it or take it away, "
                "or use --corrupt skip."
            ) from error

    def pieces(self, places: np.ndarray) -> Iterator[bytes | np.ndarray]:
        """Contents of the files; no picture is decoded for a fingerprint."""
        yield repr(self.shape[1:]).encode()
        for place in places:
            with self.opener(self.names[place]) as file:
                content = file.read()
            yield len(content).to_bytes(8, "little")
            yield content


def pieces(
    images: np.ndarray | Images, places: np.ndarray
) -> Iterator[bytes | np.ndarray]:
    """What a fingerprint hashes of those images: pixels, or the files behind them."""
    if isinstance(images, Images):
        return images.pieces(places)
    return _pixels(images, places)


def held(images: np.ndarray | Images) -> np.ndarray | Images:
    """The images, read once into an array if they fit in memory."""
    if is_in_memory(images) or images.nbytes > IN_MEMORY:
        return images
    array = np.empty(images.shape, dtype="uint8")
    for places in in_chunks(len(images), "Preparing images", _CHUNK):
        array[places] = images[places]
    return array


def room(shape: tuple[int, ...], folder: pathlib.Path) -> np.ndarray:
    """An array to fill: in memory if it fits, else in a nameless file in `folder`.

    Raises:
        OSError: If there is no room for it on disk either.
    """
    wanted = int(np.prod(shape, dtype="int64"))
    if wanted <= IN_MEMORY:
        return np.empty(shape, dtype="uint8")
    folder.mkdir(parents=True, exist_ok=True)
    if wanted > shutil.disk_usage(folder).free:
        raise OSError(
            f"{shape[0]:,} images of {shape[1]}x{shape[2]} need {wanted / 2**30:.1f} "
            f"GiB, more than is free in {folder}; lower --image-size."
        )
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, dtype="uint8", mode="w+", shape=shape)


def in_threads(
    function: Callable[..., np.ndarray],
    items: Sequence,
    shape: tuple[int, ...],
    dtype: str = "uint8",
) -> np.ndarray:
    """`function` of every item, each of that shape, stacked."""
    results = np.empty((len(items), *shape), dtype)

    def work(first: int) -> None:
        for row in range(first, len(items), WORKERS):
            results[row] = function(items[row])

    threads = min(WORKERS, len(items))
    with concurrent.futures.ThreadPoolExecutor(max(threads, 1)) as pool:
        list(pool.map(work, range(threads)))
    return results


def reason(error: Exception) -> str:
    """What an error says, in one line."""
    if isinstance(error, UnidentifiedImageError):
        return "no image of a known kind"
    return first_line(error)


def is_in_memory(images: np.ndarray | Images) -> bool:
    """Whether reading the images costs no more than copying them."""
    if isinstance(images, View):
        return is_in_memory(images.base)
    return isinstance(images, np.ndarray) and not isinstance(images, np.memmap)


def _pixels(images: np.ndarray | Images, places: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(places), _CHUNK):
        yield np.ascontiguousarray(images[places[start : start + _CHUNK]])
