"""What can be measured of an image without looking at what it shows."""

from collections.abc import Mapping

import numpy as np
from PIL import Image

_PATCH = 256
"""Side of the middle of an image whose sharpness is measured, in pixels."""
_BORDER = 32
"""The border is one pixel of so many."""

Cues = Mapping[str, tuple[float, ...]]
"""Numbers by what they are of, e.g. `"mean color"`."""


def measure_cues(image: Image.Image, size: tuple[int, int], file_bytes: int) -> Cues:
    """Image size, file size, mean color, sharpness and border color of an image.

    Args:
        image: The upright RGB image, perhaps decoded at a fraction of its size.
        size: Width and height of the image itself.
        file_bytes: Size of its file.
    """
    width, height = size
    pixels = np.asarray(image)
    return {
        "image size": (width, height, width / height),
        "file size": (file_bytes, file_bytes / (width * height)),
        "mean color": tuple(pixels.mean((0, 1)).tolist()),
        "sharpness": _sharpness(pixels),
        "border color": _border(pixels),
    }


def _sharpness(pixels: np.ndarray) -> tuple[float, float]:
    """Mean squared steps between neighbours, right and down, over the variance."""
    top, left = (max((side - _PATCH) // 2, 0) for side in pixels.shape[:2])
    grey = pixels[top : top + _PATCH, left : left + _PATCH].mean(-1)
    variance = grey.var() + 1.0
    right, down = (
        np.square(np.diff(grey, axis=axis)).sum() / grey.size for axis in (1, 0)
    )
    return float(right / variance), float(down / variance)


def _border(pixels: np.ndarray) -> tuple[float, ...]:
    """Mean color of the four edges."""
    rows, columns = (max(side // _BORDER, 1) for side in pixels.shape[:2])
    edges = (
        pixels[:rows],
        pixels[-rows:],
        pixels[:, :columns],
        pixels[:, -columns:],
    )
    return tuple(float(x) for edge in edges for x in edge.mean((0, 1)))
