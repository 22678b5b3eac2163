"""Finds the pixel range of image files, see `pixel_range`."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_hybrid.data.deep_pixels import FULL, deep_values, is_deep
from keras_hybrid.data.lazy_images import in_threads
from keras_hybrid.data.open_image import open_image
from keras_hybrid.data.pixel_range import PixelRange
from keras_hybrid.data.progress_bar import in_chunks

SAMPLE = 64
"""Files whose values tell of all."""
DEEP_SUFFIXES = (".png", ".tif", ".tiff", ".pgm", ".ppm")
"""Suffixes of files that may have more than 8 bits per channel."""

_BITS = (8, 10, 12, 14, 16)
_TAIL = 0.1
"""Percentage of the values beyond either end of a range that is guessed."""
_PIXELS = 2**14
"""Values that are looked at of one file, about."""


class FoundRange(NamedTuple):
    """The range of a dataset.

    Attributes:
        range: The range.
        text: Where it comes from, one line to print.
    """

    range: PixelRange
    text: str


def find_pixel_range(
    paths: Sequence[str | pathlib.Path], given: PixelRange | None = None
) -> FoundRange | None:
    """The range of image files, from a sample of those of more than 8 bits.

    Whole numbers from 0 to 65535 have the least of 8, 10, 12, 14 and 16 bits that holds
    all of them. Floating-point numbers from 0 to 1 have this range, if one of them is
    above a half. All others have the range of their values, without the outermost 0.1 %
    at both ends.

    Args:
        paths: The files. Files that cannot be read are left out.
        given: The range, if it is known.

    Returns:
        None if all files have 8 bits.

    Raises:
        ValueError: If all values are equal.
    """
    deep = _deep_files(paths)
    if not deep:
        return None
    files = f"{len(deep):,} of {len(paths):,} images have more than 8 bits per channel"
    if given is not None:
        return FoundRange(given, f"{files}; {_ends(given)}, as --pixel-range says.")
    values, stated = _sample(deep[:: max(len(deep) // SAMPLE, 1)][:SAMPLE])
    if stated:
        found = PixelRange(0, FULL)
        return FoundRange(found, f"{files}; {_ends(found)}, as the files say.")
    if not len(values):
        return None  # none can be read: the loader reports it
    found, certain, why = _range_of(values)
    text = f"{files}: {why}. {_ends(found)}."
    if not certain:
        text = f"Warning: {text} This is a guess; --pixel-range LOW HIGH sets it."
    return FoundRange(found, text)


def _range_of(values: np.ndarray) -> tuple[PixelRange, bool, str]:
    """The range of values, whether it is certain, and why it is chosen."""
    low, high = float(values.min()), float(values.max())
    seen = f"those looked at have values from {low:g} to {high:g}"
    if low == high:
        raise ValueError(
            f"All pixels of the images of more than 8 bits are {low:g}: give other "
            "images, or --pixel-range LOW HIGH."
        )
    if low >= 0 and 0.5 < high <= 1:
        return PixelRange(0, 1), True, seen
    if low >= 0 and high <= FULL and (values == np.floor(values)).all():
        bits = next(bits for bits in _BITS if high < 2**bits)
        return PixelRange(0, 2**bits - 1), bits == 16, f"{seen}, {bits} bits"
    ends = np.percentile(values, (_TAIL, 100 - _TAIL))
    first, last = (float(f"{end:.6g}") for end in ends)
    if first >= last:  # nearly all of them are equal
        first, last = low, high
    return PixelRange(first, last), False, seen


def _deep_files(paths: Sequence[str | pathlib.Path]) -> list[str]:
    """The files of more than 8 bits, by their headers."""
    may_be = [str(x) for x in paths if str(x).casefold().endswith(DEEP_SUFFIXES)]

    def look(path: str) -> np.ndarray:
        try:
            with open_image(pathlib.Path(path)) as image:
                return np.array(is_deep(image))
        except Exception:  # damaged files raise many kinds; the loader reports them
            return np.array(False)

    found = [
        in_threads(look, [may_be[i] for i in indices], (), "bool")
        for indices in in_chunks(len(may_be), "Reading headers", 4096)
    ]
    deep = np.concatenate(found) if found else np.zeros(0, bool)
    return [path for path, flag in zip(may_be, deep, strict=True) if flag]


def _sample(paths: Sequence[str]) -> tuple[np.ndarray, bool]:
    """Some values of the files; and whether all files state their range."""
    found, stated = [], 0
    for path in paths:
        try:
            with open_image(pathlib.Path(path)) as image:
                if image.format == "PPM":
                    stated += 1
                    continue
                values = deep_values(image)[0].reshape(-1)
        except Exception:  # damaged files raise many kinds; the loader reports them
            continue
        few = values[:: max(len(values) // _PIXELS, 1)]
        found += [few, values.min(keepdims=True), values.max(keepdims=True)]
    joined = np.concatenate(found).astype("float64") if found else np.zeros(0)
    return joined, stated > 0 and not found


def _ends(found: PixelRange) -> str:
    return f"{found.low:g} becomes 0 and {found.high:g} becomes 255"
