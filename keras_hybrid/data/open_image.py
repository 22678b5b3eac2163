"""Opens image files; says what to do about those that are not read."""

import pathlib
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

_DICOM = slice(128, 132)


def open_image(file: BinaryIO | pathlib.Path) -> Image.Image:
    """Opens an image file without decoding it.

    Raises:
        ValueError: If the image has too many pixels, or is of a known kind that Pillow
            does not read.
        PIL.UnidentifiedImageError: If it is of no known kind.
    """
    try:
        image = Image.open(file)
    except UnidentifiedImageError:
        if cure := _cure(_beginning(file)):
            raise ValueError(cure) from None
        raise
    limit = Image.MAX_IMAGE_PIXELS  # Pillow itself refuses from twice as many on
    if limit and image.width * image.height > limit:
        raise ValueError(
            f"{image.width}x{image.height} pixels, more than {limit:,}: may be a "
            "decompression bomb and is not decoded"
        )
    return image


def count_frames(image: Image.Image) -> int:
    """Number of frames of an animation, or of pages of a TIFF; 1 for other images."""
    return getattr(image, "n_frames", 1)


def _beginning(file: BinaryIO | pathlib.Path) -> bytes:
    if isinstance(file, pathlib.Path):
        return file.open("rb").read(_DICOM.stop)
    file.seek(0)
    return file.read(_DICOM.stop)


def _cure(beginning: bytes) -> str:
    """What to do about a file that Pillow does not read; empty if that is not known."""
    if beginning[_DICOM] == b"DICM":
        return "it is a DICOM file, which is not read: convert it to 16-bit PNG or TIFF"
    if beginning[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return (
            "it is a TIFF of a kind that is not read, e.g. of floating-point colours "
            "or more than 4 channels: save it as 16-bit RGB, or as grey values of 8 or "
            "16 bits or 32-bit floating point"
        )
    return ""
