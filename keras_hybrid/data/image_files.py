"""Opens many image files as one array: checks sizes, memory and damaged files."""

import collections
import warnings
from collections.abc import Callable, Sequence
from typing import BinaryIO, Literal

import numpy as np

from keras_hybrid.data.decode import size_of
from keras_hybrid.data.lazy_images import (
    IN_MEMORY,
    ImageFiles,
    LazyImages,
    Subset,
    in_threads,
    reason,
)
from keras_hybrid.data.pixel_range import PixelRange
from keras_hybrid.data.progress_bar import in_chunks
from keras_hybrid.utils.typing import Fit

Corrupt = Literal["raise", "skip"]


def open_files(
    names: Sequence[str],
    opener: Callable[[str], BinaryIO],
    image_size: int | None,
    corrupt: Corrupt,
    fit: Fit = "crop",
    pixel_range: PixelRange | None = None,
) -> tuple[np.ndarray | LazyImages, np.ndarray]:
    """Decodes image files into an array if it fits in memory, otherwise on demand.

    Files that are decoded on demand are checked first, because no file can be left out
    later: their headers are read, or with `corrupt="skip"` all pixels.

    Args:
        names: Names of the files.
        opener: Opens a file by its name.
        image_size: Height and width that images are resized to; None keeps the size of
            the files.
        corrupt: What to do with files that cannot be decoded.
        fit: How an image of another aspect ratio fills the size.
        pixel_range: Of files of more than 8 bits.

    Returns:
        The images, and the indices of their names among `names`, ascending.

    Raises:
        ValueError: If files cannot be decoded and `corrupt` is `"raise"`, or if
            `image_size` is None and the files differ in size.
    """
    bad: dict[int, str] = {}
    size = (image_size,) * 2 if image_size else None
    if (
        size is None
        or ImageFiles(names, size, opener, fit, pixel_range).nbytes > IN_MEMORY
    ):
        sizes = _read_headers(names, opener, bad)
        size = size or _common_size(sizes[_without(len(names), bad)])
    good = _without(len(names), bad)
    kept = [names[index] for index in good]
    files = ImageFiles(kept, size, opener, fit, pixel_range)
    images: np.ndarray | LazyImages = files
    if files.nbytes <= IN_MEMORY or corrupt == "skip":
        images, failed = _decode(files)
        bad |= {int(good[index]): why for index, why in failed.items()}
        if failed:
            rest = _without(len(files), failed)
            images, good = Subset(images, rest), good[rest]
    if bad:
        _report(names, bad, corrupt)
    return images, good


def _read_headers(
    names: Sequence[str], opener: Callable[[str], BinaryIO], bad: dict[int, str]
) -> np.ndarray:
    """Sizes `(N, 2)`; files that cannot be read are added to `bad`."""

    def read(index: int) -> np.ndarray:
        try:
            with opener(names[index]) as file:
                return np.array(size_of(file))
        except Exception as error:  # damaged files raise many kinds
            bad[int(index)] = reason(error)
            return np.zeros(2)

    sizes = [
        in_threads(read, indices, (2,), "int64")
        for indices in in_chunks(len(names), "Reading headers", 4096)
    ]
    return np.concatenate(sizes)


def _common_size(sizes: np.ndarray) -> tuple[int, int]:
    counts = collections.Counter(map(tuple, sizes.tolist())).most_common()
    if len(counts) > 1:
        (h, w), (h2, w2) = counts[0][0], counts[1][0]
        raise ValueError(
            f"The images have {len(counts)} different sizes ({w}x{h}, {w2}x{h2}...): "
            "give --image-size, the side that they are resized to, e.g. 224."
        )
    return counts[0][0] if counts else (1, 1)  # no file can be read: reported later


def _decode(files: ImageFiles) -> tuple[np.ndarray | ImageFiles, dict[int, str]]:
    """Decodes every file; keeps the pixels if they fit in memory.

    Returns:
        The images, and the reason for each index that could not be decoded.
    """
    keep = files.nbytes <= IN_MEMORY
    array = np.empty(files.shape, files.dtype) if keep else None
    failed: dict[int, str] = {}

    def decode(index: int) -> np.ndarray:
        try:
            return files.decode(files.names[index])
        except ValueError as error:
            cause = error.__cause__
            known = cause if isinstance(cause, Exception) else error
            failed[int(index)] = reason(known)
            return np.zeros(files.shape[1:], files.dtype)

    for indices in in_chunks(len(files), "Decoding images"):
        pixels = in_threads(decode, indices, files.shape[1:], files.dtype)
        if array is not None:
            array[indices] = pixels
    return files if array is None else array, failed


def _without(count: int, bad: dict[int, str]) -> np.ndarray:
    good = np.ones(count, dtype=bool)
    good[list(bad)] = False
    return np.flatnonzero(good)


def _report(names: Sequence[str], bad: dict[int, str], corrupt: Corrupt) -> None:
    lines = [f"{names[index]}: {why}" for index, why in sorted(bad.items())]
    if corrupt == "skip":
        files = "file" if len(bad) == 1 else "files"
        warnings.warn(
            "\n  ".join([f"Skipped {len(bad)} image {files}:", *lines]), stacklevel=3
        )
        return
    more = f"; and {len(bad) - 3} more" if len(bad) > 3 else ""
    raise ValueError(
        f"{len(bad)} of {len(names)} image files cannot be decoded "
        f"({'; '.join(lines[:3])}{more}). "
        "Fix them or remove them, or use --corrupt skip."
    )
