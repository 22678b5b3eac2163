"""What headers tell of image files: how much a crop keeps, and several frames."""

import itertools
import pathlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from PIL import Image

from keras_hybrid.data.open_image import count_frames, open_image
from keras_hybrid.data.scan_folder import ImageRecord

T = TypeVar("T")

LONG = 2.0
"""Aspect ratio beyond which a square crop keeps less than half of an image."""

SAMPLE = 64
"""Files whose headers tell of all."""

ADVICE = "train with --fit pad (or stretch) if the object may reach the ends."
"""What to do about long images."""

FRAMES_ADVICE = "Training and predictions take the first; save others as own files."
"""What to know of images of several frames or pages."""


def is_long(size: tuple[int, int]) -> bool:
    """Whether a square crop keeps less than half of an image of this size."""
    return max(size) > LONG * min(size)


def sample_sizes(listed: Sequence[ImageRecord]) -> list[tuple[int, int]]:
    """Sides of about `SAMPLE` images, spread over all; unreadable ones are left out.

    Only headers are read, so that width and height may be exchanged by an EXIF
    orientation.
    """
    return _of_headers(listed, lambda image: image.size)


def sample_frames(listed: Sequence[ImageRecord]) -> list[int]:
    """Numbers of frames or pages of about `SAMPLE` images, as `sample_sizes`."""
    return _of_headers(listed, count_frames)


def _of_headers(
    listed: Sequence[ImageRecord], read: Callable[[Image.Image], T]
) -> list[T]:
    found = []
    for record in itertools.islice(listed, 0, None, max(len(listed) // SAMPLE, 1)):
        try:
            with open_image(pathlib.Path(record.path)) as image:
                found.append(read(image))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue  # the loader reports it
    return found
