"""Decodes image files and arrays to RGB pixels."""

import functools
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from keras_hybrid.data.deep_pixels import is_deep, is_negative
from keras_hybrid.data.open_image import open_image
from keras_hybrid.data.pixel_range import PixelRange
from keras_hybrid.data.resize import TRAINING_RESIZE, resize_and_crop
from keras_hybrid.utils.typing import Fit

# EXIF orientations that rotate an image by 90 degrees.
_QUARTER_TURNS = (5, 6, 7, 8)
_ORIENTATION = 0x0112
_NO_RANGE = (
    "{} pixels have no stated range, and no pixel range is known for them: save it "
    "with 8 or 16 bits, or train on such files"
)


Resize = Callable[[Image.Image], Image.Image]
"""Resizes an image of any mode."""


def decode(
    file: BinaryIO,
    size: tuple[int, int],
    fit: Fit = "crop",
    pixel_range: PixelRange | None = None,
) -> np.ndarray:
    """Decodes an image file and resizes it, see `rgb_pixels`.

    Args:
        file: The open file.
        size: Height and width.
        fit: How an image of another aspect ratio fills them.
        pixel_range: Of files of more than 8 bits.

    Returns:
        uint8 `(H, W, 3)`; float32 for a file of more than 8 bits with a range.

    Raises:
        Exception: Any error that Pillow raises for a damaged file.
    """
    with open_image(file) as image:
        return rgb_pixels(image, _training_resize(size, fit), pixel_range)


def resize_array(
    pixels: np.ndarray, size: tuple[int, int], fit: Fit = "crop"
) -> np.ndarray:
    """Resizes values `(h, w, C)` to uint8 RGB of `size`, see `from_array`.

    float32 pixels in [0, 255] stay float32.
    """
    resize = _training_resize(size, fit)
    if pixels.dtype == np.float32:
        return resize_floats(pixels, resize)
    return np.asarray(resize(from_array(pixels)))


def _training_resize(size: tuple[int, int], fit: Fit) -> Resize:
    return functools.partial(resize_and_crop, size=size, **TRAINING_RESIZE, fit=fit)


def rgb_pixels(
    image: Image.Image, resize: Resize, pixel_range: PixelRange | None = None
) -> np.ndarray:
    """The pixels of an image as a model takes them, resized.

    Args:
        image: The image, opened and not yet read; or one in memory.
        resize: Resizes it.
        pixel_range: Of files of more than 8 bits. Without it they are rounded to 8
            bits, see `to_rgb`.

    Returns:
        uint8 `(H, W, 3)`, see `to_rgb`; with a range, for a file of more than 8 bits,
        float32 in [0, 255], neither rounded before the resize nor after it.
    """
    if pixel_range is None or not is_deep(image):
        return np.asarray(resize(to_rgb(image)))
    return resize_floats(pixel_range.read(image), resize)


def resize_floats(pixels: np.ndarray, resize: Resize) -> np.ndarray:
    """Resizes float32 pixels in [0, 255], channel by channel, without rounding.

    Args:
        pixels: `(h, w)`, `(h, w, 1)` or `(h, w, 3)`.
        resize: Resizes an image.

    Returns:
        float32 `(H, W, 3)` in [0, 255].
    """
    planes = np.moveaxis(pixels.reshape(*pixels.shape[:2], -1), -1, 0)
    resized = [
        np.asarray(resize(Image.fromarray(np.ascontiguousarray(plane))))
        for plane in planes
    ]
    whole = np.stack(resized, -1).clip(0, 255)  # filters overshoot at edges
    return whole if whole.shape[-1] == 3 else whole.repeat(3, -1)


def size_of(file: BinaryIO) -> tuple[int, int]:
    """Height and width of the upright image of a file; reads only its header."""
    with open_image(file) as image:
        # For a PNG without EXIF data before the pixels, Pillow would decode the pixels
        # to look for EXIF data after them.
        known = image.format != "PNG" or "exif" in image.info
        turned = known and image.getexif().get(_ORIENTATION) in _QUARTER_TURNS
        return image.size if turned else image.size[::-1]


def to_rgb(image: Image.Image, pixel_range: PixelRange | None = None) -> Image.Image:
    """Any Pillow image as upright 8-bit RGB.

    The EXIF orientation is applied, 16-bit values are scaled to 8 bits, palettes are
    resolved, and transparent pixels are composited over white. Of several frames or
    pages it is the first.

    Args:
        image: The image.
        pixel_range: Of files of more than 8 bits; None means all 16 bits.

    Raises:
        ValueError: If the pixels are 32-bit or floating-point numbers, and their range
            is not known.
    """
    if pixel_range is not None and is_deep(image):
        pixels = pixel_range.read(image).round().astype("uint8")
        return Image.fromarray(pixels).convert("RGB")
    deep = image.format == "PPM"  # Pillow reads its 16 bits as 32
    negative = is_negative(image)
    image = ImageOps.exif_transpose(image)
    if image.mode == "I" and not deep:
        raise ValueError(_NO_RANGE.format("int32"))
    if image.mode.startswith("I") or image.mode == "F":
        pixels = _from_deep(np.asarray(image))
        image = Image.fromarray(255 - pixels if negative else pixels)
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


def _from_deep(pixels: np.ndarray) -> np.ndarray:
    """16-bit values -> 8 bits."""
    whole = np.issubdtype(pixels.dtype, np.integer)
    if not whole or pixels.min() < 0 or pixels.max() > 65535:
        raise ValueError(_NO_RANGE.format(pixels.dtype))
    return ((pixels.astype("uint32") + 128) // 257).astype("uint8")
