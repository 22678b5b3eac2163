"""Image files with more than 8 bits per channel: whether one is, and its values."""

import sys
from typing import BinaryIO, cast

import numpy as np
from PIL import Image, ImageOps
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import (
    PHOTOMETRIC_INTERPRETATION,
    SAMPLEFORMAT,
    TiffImageFile,
)

FULL = 65535
"""Largest value of 16 bits."""

# Pillow takes the high bytes of 16-bit colours, and with these names the low ones.
_LOW_BYTES = {
    f"{channels};16{order}": f"{channels};16{other}"
    for channels in ("RGB", "RGBX", "RGBA")
    for order, other in (
        ("L", "B"),
        ("B", "L"),
        ("N", "B" if sys.byteorder == "little" else "L"),
    )
} | {"LA;16B": "RGBA"}  # all four bytes of grey and alpha


def is_deep(image: Image.Image) -> bool:
    """Whether a file that was opened has more than 8 bits per channel.

    These are grey values of 16 or 32 bits or floating-point numbers, and RGB or grey
    with alpha of 16 bits. The pixels are not read.
    """
    return image.mode.startswith("I") or image.mode == "F" or bool(_raw_mode(image))


def deep_values(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """The values of a file for which `is_deep`, upright, as they are stored.

    Args:
        image: The image, opened and not yet read; or one in memory.

    Returns:
        Grey values `(H, W)` or colours `(H, W, 3)`, and the opacity `(H, W)` in [0, 1],
        None if there is none. Pillow scales those of a PGM file to 16 bits.

    Raises:
        ValueError: If a value is not a finite number.
    """
    if raw := _raw_mode(image):
        return _colours(image, raw)
    values = np.asarray(ImageOps.exif_transpose(image))
    if image.mode == "I" and _tag(image, SAMPLEFORMAT, 1) == 1:
        values = values.view("uint32")  # Pillow reads 32 bits as if with a sign
    if not np.isfinite(values).all():
        raise ValueError("it has pixels that are not finite; give them a number")
    return values, None


def is_negative(image: Image.Image) -> bool:
    """Whether 0 is white in a file for which `is_deep`, as a TIFF may say.

    Pillow turns the values of files of 8 bits, and not those of deeper files.
    """
    return _tag(image, PHOTOMETRIC_INTERPRETATION, 1) == 0


def _tag(image: Image.Image, number: int, default: int) -> int:
    """The first value of a tag; `default` if a TIFF lacks it, -1 of other files."""
    if image.format != "TIFF":
        return -1
    value = cast(TiffImageFile, image).tag_v2.get(number, default)
    return value[0] if isinstance(value, tuple) else value


def _raw_mode(image: Image.Image) -> str:
    """How a file stores 16-bit colours; empty for all others."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else None
    raw = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return raw if isinstance(raw, str) and raw in _LOW_BYTES else ""


def _colours(image: Image.Image, raw: str) -> tuple[np.ndarray, np.ndarray | None]:
    """16-bit colours, from two readings of a file."""
    low = _read(image, _LOW_BYTES[raw])
    if raw == "LA;16B":
        grey, opacity = 256 * low[..., 0] + low[..., 1], 256 * low[..., 2] + low[..., 3]
        return grey, opacity.astype("float32") / FULL
    values = 256 * _read(image, raw) + low
    if values.shape[-1] == 3:
        return values, None
    return values[..., :3], values[..., 3].astype("float32") / FULL


def _read(image: Image.Image, raw: str) -> np.ndarray:
    """The bytes of an upright image in another raw mode, as uint16 `(H, W, C)`."""
    file = cast(BinaryIO, cast(ImageFile, image).fp)
    file.seek(0)
    again = Image.open(file)
    again.tile = [
        tile._replace(
            args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw
        )
        for tile in again.tile
    ]
    return np.asarray(ImageOps.exif_transpose(again)).astype("uint16")
