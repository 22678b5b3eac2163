"""Opens image files; says what to do about those that are not read."""

import pathlib
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    PLANAR_CONFIGURATION,
    SAMPLEFORMAT,
    TiffImageFile,
)

_DICOM = slice(128, 132)
_APART, _SIGNED = 2, 2  # values of PLANAR_CONFIGURATION and SAMPLEFORMAT


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
    if isinstance(image, TiffImageFile) and (cure := _misread(image)):
        raise ValueError(cure)
    limit = Image.MAX_IMAGE_PIXELS  # Pillow itself refuses from twice as many on
    if limit and image.width * image.height > limit:
        raise ValueError(
            f"{image.width}x{image.height} pixels, more than {limit:,}: may be a "
            "decompression bomb and is not decoded"
        )
    return image


def _misread(image: TiffImageFile) -> str:
    """What to do about a TIFF that Pillow opens and takes for another kind."""
    tags = image.tag_v2
    bits, forms = (_several(tags.get(x, 1)) for x in (BITSPERSAMPLE, SAMPLEFORMAT))
    if len(bits) > 1 and max(bits) > 8 and tags.get(PLANAR_CONFIGURATION) == _APART:
        return (
            "it is a TIFF with one plane per channel, of more than 8 bits, which is "
            "not read: save it with the channels of a pixel side by side (contiguous)"
        )
    if max(bits) == 8 and _SIGNED in forms:
        return (
            "it is a TIFF of 8 bits with a sign, which is not read: save it with 16 "
            "bits, or without a sign"
        )
    return ""


def _several(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


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
