"""Shapes of image files: how much of an image a square crop keeps."""

import itertools
from collections.abc import Sequence

from PIL import Image

from keras_hybrid.data.scan_folder import ImageRecord

LONG = 2.0
"""Aspect ratio beyond which a square crop keeps less than half of an image."""

SAMPLE = 64
"""Files whose headers tell of all."""

ADVICE = "train with --fit pad (or stretch) if the object may reach the ends."
"""What to do about long images."""


def is_long(size: tuple[int, int]) -> bool:
    """Whether a square crop keeps less than half of an image of this size."""
    return max(size) > LONG * min(size)


def sample_sizes(listed: Sequence[ImageRecord]) -> list[tuple[int, int]]:
    """Sides of about `SAMPLE` images, spread over all; unreadable ones are left out.

    Only headers are read, so that width and height may be exchanged by an EXIF
    orientation.
    """
    sizes = []
    for record in itertools.islice(listed, 0, None, max(len(listed) // SAMPLE, 1)):
        try:
            with Image.open(record.path) as image:
                sizes.append(image.size)
        except (OSError, Image.DecompressionBombError):
            continue  # the loader reports it
    return sizes
