"""Small versions of image files, for pages."""

import io
import pathlib
import warnings

import numpy as np
from PIL import Image

from keras_hybrid.data.decode import to_rgb
from keras_hybrid.data.find_pixel_range import find_pixel_range
from keras_hybrid.data.open_image import open_image


def small_jpeg(path: pathlib.Path, side: int, quality: int) -> bytes | None:
    """A JPEG file of an image, or None if it cannot be read.

    Args:
        path: The image.
        side: Its longest side is at most so many pixels.
        quality: Of the JPEG file, from 1 to 95.
    """
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings(), open_image(path) as image:
            warnings.simplefilter("ignore")
            image.draft(None, (2 * side, 2 * side))
            found = find_pixel_range([path])  # of this one alone
            small = to_rgb(image, found.range if found else None)
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        small.save(buffer, "JPEG", quality=quality)
    except Exception:  # damaged files raise many kinds
        return None
    return buffer.getvalue()


def pixels_jpeg(pixels: np.ndarray, side: int, quality: int) -> bytes:
    """A JPEG file of pixels.

    Args:
        pixels: `(H, W, 3)` or `(H, W, 1)`, in [0, 255].
        side: Its longest side is at most so many pixels.
        quality: Of the JPEG file, from 1 to 95.
    """
    values = np.round(pixels).clip(0, 255).astype("uint8")
    small = Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values)
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
