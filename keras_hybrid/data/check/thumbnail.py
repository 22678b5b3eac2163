"""A small version of an image and its perceptual hash."""

from typing import NamedTuple

import numpy as np
from PIL import Image

SIDE = 32
"""Height and width of the grey thumbnail, in pixels; pHash uses the same."""

COLOURS = 4
"""Height and width of the colour thumbnail, in pixels."""


class Thumbnail(NamedTuple):
    """What is kept of the pixels of an image to compare it with others.

    Attributes:
        grey: uint8 `(SIDE, SIDE)`.
        colour: uint8 `(COLOURS, COLOURS, 3)`.
        hash: pHash of 64 bits, the signs of the lowest frequencies of a cosine
            transform.
    """

    grey: np.ndarray
    colour: np.ndarray
    hash: int


def thumbnail(image: Image.Image) -> Thumbnail:
    """The thumbnail of an upright RGB image."""
    import imagehash

    grey = image.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    colour = image.resize((COLOURS, COLOURS), Image.Resampling.BOX)
    bits = np.packbits(imagehash.phash(grey).hash)
    return Thumbnail(
        np.asarray(grey), np.asarray(colour), int.from_bytes(bits.tobytes())
    )
