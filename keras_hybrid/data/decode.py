"""One image file, of whatever kind, as 8-bit RGB pixels."""

import pathlib
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from keras_hybrid.data.resize import TRAINING_RESIZE, resize_and_crop

# EXIF orientations that turn an image by a quarter.
_QUARTER_TURNS = (5, 6, 7, 8)
_ORIENTATION = 0x0112


def decode(file: BinaryIO, size: tuple[int, int]) -> np.ndarray:
    """Decodes an image file to `size`, see `to_rgb` and `resize.resize_and_crop`.

    Args:
        file: The open file.
        size: Height and width.

    Returns:
        uint8 `(H, W, 3)`.

    Raises:
        Exception: Whatever Pillow raises for a damaged file.
    """
    with open_image(file) as image:
        return np.asarray(resize_and_crop(to_rgb(image), size, **TRAINING_RESIZE))


def resize_array(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Brings `(h, w, C)` values to `size`, see `from_array`; returns uint8 RGB."""
    image = resize_and_crop(from_array(pixels), size, **TRAINING_RESIZE)
    return np.asarray(image)


def size_of(file: BinaryIO) -> tuple[int, int]:
    """Height and width, upright, of an image file; reads its header only."""
    with open_image(file) as image:
        # Of a PNG without EXIF data in front, Pillow would decode the pixels to look
        # for it behind them.
        known = image.format != "PNG" or "exif" in image.info
        turned = known and image.getexif().get(_ORIENTATION) in _QUARTER_TURNS
        return image.size if turned else image.size[::-1]


def to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow image as upright 8-bit RGB.

    The EXIF orientation is applied, 16-bit values are scaled to 8 bits, palettes are
    looked up, and transparent pixels are laid on white.

    Raises:
        ValueError: If the pixels are 32-bit or floating-point numbers, whose range
            no file states.
    """
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(_from_deep(np.asarray(image)))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def from_array(pixels: np.ndarray) -> Image.Image:
    """An RGB image of `(H, W, C)` values, 8 or 16 bits, with 1, 3 or 4 channels.

    Raises:
        ValueError: If the values or channels are others.
    """
    if pixels.dtype != np.uint8:
        pixels = _from_deep(pixels)
    if pixels.shape[-1] not in (1, 3, 4):
        raise ValueError(f"images of {pixels.shape[-1]} channels cannot be shown")
    return to_rgb(Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))


def open_image(file: BinaryIO | pathlib.Path) -> Image.Image:
    """Opens an image file; nothing is decoded yet.

    Raises:
        ValueError: If it would decode to too many pixels.
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
