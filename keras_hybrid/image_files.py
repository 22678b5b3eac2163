"""Image files, known by what their names end in."""

import pathlib

_JPEG = (".jpg", ".jpeg", ".jfif")
_PNM = (".ppm", ".pgm", ".pbm")
SUFFIXES = (*_JPEG, *_PNM, ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")
"""Endings, in small letters; files may have them in large ones."""


def find_images(folder: pathlib.Path) -> list[pathlib.Path]:
    """The image files in a folder and in all folders below it, in order."""
    return sorted(x for x in folder.rglob("*") if x.suffix.casefold() in SUFFIXES)
