"""Pictures of mistakes on a page, within a budget of bytes."""

import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from keras_hybrid.data.small_jpeg import pixels_jpeg
from keras_hybrid.utils.names import shortened
from keras_hybrid.utils.page import Page, Picture

PICTURES = 300
"""Most pictures of a gallery."""
BYTES = 2_500_000
"""Bytes of its JPEG files, with which a page stays below 5 MB."""
_SIDE, _QUALITY = 112, 78
_TINY = 64  # pixels of a side below which single ones are shown
_NAME = 60

Paths = Sequence[pathlib.Path | str] | np.ndarray | None
"""The files of images, where they are known."""
Pixels = Callable[[int], np.ndarray]
"""From the index of an image to its pixels `(H, W, C)`."""


def add_gallery(
    page: Page,
    pixels: Pixels,
    indices: Sequence[int] | np.ndarray,
    describe: Callable[[int], Picture],
    caption: str,
    shown_by: Callable[[int], float] | None = None,
) -> None:
    """Adds pictures; where they are too many, it says how many are left out.

    Args:
        page: The page.
        pixels: Reads an image; it is called for one at a time.
        indices: The images, those first that must not be left out.
        describe: Caption and properties of a picture, still without its file.
        caption: What is shown.
        shown_by: The picture with the highest value is shown first; None keeps the
            order of the indices.
    """
    files: dict[int, bytes] = {}
    size, tiny = 0, False
    for index in map(int, indices[:PICTURES]):
        found = pixels(index)
        tiny = max(found.shape[:2]) < _TINY
        files[index] = pixels_jpeg(found, _SIDE, _QUALITY)
        size += len(files[index])
        if size > BYTES:
            break
    order = list(files)
    if shown_by is not None:
        order.sort(key=shown_by, reverse=True)
    if len(order) < len(indices):
        caption += f" {len(order):,} of {len(indices):,} are shown."
    pictures = [describe(i).with_file(files[i]) for i in order]
    page.gallery(pictures, caption, pixelated=tiny)


def file_name(paths: Paths, i: int) -> str:
    """The name of a file and its folder, for a picture; empty if it is not known."""
    if paths is None:
        return ""
    return shortened("/".join(pathlib.Path(paths[i]).parts[-2:]), _NAME)
