"""Decodes image files and arrays to 8-bit RGB pixels."""

import pathlib
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from keras_hybrid.data.resize import TRAINING_RESIZE, resize_and_crop
from keras_hybrid.utils.typing import Fit

# EXIF orientations that rotate an image by 90 degrees.
_QUARTER_TURNS = (5, 6, 7, 8)
_ORIENTATION = 0x0112


def decode(file: BinaryIO, size: tuple[int, int], fit: Fit = "crop") -> np.ndarray:
    """Decodes an image file and resizes it, see `to_rgb` and `resize.resize_and_crop`.

    Args:
        file: The open file.
        size: Height and width.
        fit: How an image of another aspect ratio fills them.

    Returns:
        uint8 `(H, W, 3)`.

    Raises:
        Exception: Any error that Pillow raises for a damaged file.
    """
    with open_image(file) as image:
        resized = resize_and_crop(to_rgb(image), size, **TRAINING_RESIZE, fit=fit)
        return np.asarray(resized)


def resize_array(
    pixels: np.ndarray, size: tuple[int, int], fit: Fit = "crop"
) -> np.ndarray:
    """Resizes values `(h, w, C)` to uint8 RGB of `size`, see `from_array`."""
    image = resize_and_crop(from_array(pixels), size, **TRAINING_RESIZE, fit=fit)
    return np.asarray(image)


def size_of(file: BinaryIO) -> tuple[int, int]:
    """Height and width of the upright image of a file; reads only its header."""
    with open_image(file) as image:
        # For a PNG without EXIF data before the pixels, Pillow would decode the pixels
        # to look for EXIF data after them.
        known = image.format != "PNG" or "exif" in image.info
        turned = known and image.getexif().get(_ORIENTATION) in _QUARTER_TURNS
        return image.size if turned else image.size[::-1]


def to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow image as upright 8-bit RGB.

    The EXIF orientation is applied, 16-bit values are scaled to 8 bits, palettes are
    resolved, and transparent pixels are composited over white.

    Raises:
        ValueError: If the pixels are 32-bit or floating-point numbers, whose range is
            not known.
    """
    deep = image.format == "PPM"  # Pillow reads its 16 bits as 32
    image = ImageOps.exif_transpose(image)
    if image.mode == "I" and not deep:
        raise ValueError("int32 pixels have no stated range; save it with 8 or 16 bits")
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(_from_deep(np.asarray(image)))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def from_array(pixels: np.ndarray) -> Image.Image:
    """An RGB image from values `(H, W, C)` of 8 or 16 bits with 1, 3 or 4 channels.

    Raises:
        ValueError: If the values have another range, or the image other channels.
    """
    if pixels.dtype != np.uint8:
        pixels = _from_deep(pixels)
    if pixels.shape[-1] not in (1, 3, 4):
        raise ValueError(f"images must have 1, 3 or 4 channels, not {pixels.shape[-1]}")
    return to_rgb(Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))


def open_image(file: BinaryIO | pathlib.Path) -> Image.Image:
    """Opens an image file without decoding it.

    Raises:
        ValueError: If the image has too many pixels.
    """
    image = Image.open(file)
    limit = Image.MAX_IMAGE_PIXELS  # Pillow itself refuses from twice as many on
    if limit and image.width * image.height > limit:
        raise ValueError(
            f"{image.width}x{image.height} pixels, more than {limit:,}: may be a "
            "decompression bomb and is not decoded"
        )
    return image


def _from_deep(pixels: np.ndarray) -> np.ndarray:
    """16-bit values -> 8 bits."""
    whole = np.issubdtype(pixels.dtype, np.integer)
    if not whole or pixels.min() < 0 or pixels.max() > 65535:
        raise ValueError(
            f"{pixels.dtype} pixels have no stated range; save it with 8 or 16 bits"
        )
    return ((pixels.astype("uint32") + 128) // 257).astype("uint8")
