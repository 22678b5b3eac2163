"""Reads image files once, for all that the check of a folder asks of them."""

import concurrent.futures
import dataclasses
import datetime
import hashlib
import io
import os
import pathlib
import warnings
from collections.abc import Sequence

import numpy as np
from PIL import Image

from keras_hybrid.data.check.cues import Cues, measure_cues
from keras_hybrid.data.check.thumbnail import SIDE, Thumbnail, thumbnail
from keras_hybrid.data.decode import to_rgb
from keras_hybrid.data.find_pixel_range import find_pixel_range
from keras_hybrid.data.lazy_images import WORKERS, reason
from keras_hybrid.data.open_image import count_frames, open_image
from keras_hybrid.data.pixel_range import PixelRange
from keras_hybrid.data.progress_bar import in_chunks
from keras_hybrid.data.read_table import ImageRecord

_ORIENTATION, _CHANGED = 0x0112, 0x0132
_EXIF, _TAKEN = 0x8769, 0x9003
_UPRIGHT = 1
_BLANK = 2.0
"""Standard deviation of grey values below which an image is of one colour."""


@dataclasses.dataclass(frozen=True)
class CheckedImage:
    """An image file and what is known of it.

    Attributes:
        name: Its path, from the folder.
        label: Name of its class.
        split: `"train"`, `"validation"`, `"test"`, or None.
        error: Why it cannot be read; empty if it can. What follows is known of
            readable files only.
        digest: SHA-256 of the file.
        size: Width and height, upright.
        mode: Colour mode of the file, in Pillow's words: RGB, L, CMYK, ...
        orientation: EXIF orientation; 1 is upright.
        frames: Number of its frames or pages, of which training takes the first.
        taken: When the picture was taken, by its EXIF data.
        thumbnail: A small version.
        cues: See `measure_cues`.
    """

    name: str
    label: str
    split: str | None
    error: str = ""
    digest: bytes = b""
    size: tuple[int, int] = (0, 0)
    mode: str = ""
    orientation: int = _UPRIGHT
    frames: int = 1
    taken: datetime.datetime | None = None
    thumbnail: Thumbnail | None = None
    cues: Cues = dataclasses.field(default_factory=dict)

    @property
    def turned(self) -> bool:
        """Whether the EXIF orientation turns or mirrors the image."""
        return self.orientation != _UPRIGHT

    @property
    def blank(self) -> bool:
        """Whether the image is of one colour."""
        return self.thumbnail is not None and self.thumbnail.grey.std() < _BLANK


def read_image_files(
    root: pathlib.Path, listed: Sequence[ImageRecord], quiet: bool = False
) -> list[CheckedImage]:
    """Reads and decodes files in threads; a file that cannot be read has an `error`.

    Args:
        root: The folder that names are relative to.
        listed: The files.
        quiet: Whether no progress is printed.
    """
    try:
        deep = find_pixel_range([record.path for record in listed])
    except ValueError:  # all images are of one colour, which a finding says
        deep = None
    levels = deep.range if deep else None
    images: list[CheckedImage] = []
    with (
        warnings.catch_warnings(),
        concurrent.futures.ThreadPoolExecutor(WORKERS) as pool,
    ):
        warnings.simplefilter("ignore")  # of Pillow, about EXIF data
        for indices in in_chunks(len(listed), "Checking images", quiet=quiet):
            records = [listed[index] for index in indices]
            images += pool.map(lambda record: _read(root, record, levels), records)
    return images


def _read(
    root: pathlib.Path, record: ImageRecord, levels: PixelRange | None
) -> CheckedImage:
    name = os.path.relpath(record.path, root)
    known = CheckedImage(name, record.label, record.split)
    try:
        content = pathlib.Path(record.path).read_bytes()
        with open_image(io.BytesIO(content)) as image:
            width, height = image.size
            mode, frames = image.mode, count_frames(image)
            # a large JPEG is decoded at a fraction of its size; all is read even so
            image.draft(None, (4 * SIDE, 4 * SIDE))
            upright = to_rgb(image, levels)
            exif = image.getexif()
    except Exception as error:  # damaged files raise many kinds
        return dataclasses.replace(known, error=reason(error))
    orientation = exif.get(_ORIENTATION, _UPRIGHT)
    sideways = orientation in (5, 6, 7, 8)
    size = (height, width) if sideways else (width, height)
    return dataclasses.replace(
        known,
        digest=hashlib.sha256(content).digest(),
        size=size,
        mode=mode,
        frames=frames,
        orientation=orientation if orientation in range(1, 9) else _UPRIGHT,
        taken=_time(exif),
        thumbnail=thumbnail(upright),
        cues=measure_cues(upright, size, len(content)),
    )


def _time(exif: Image.Exif) -> datetime.datetime | None:
    text = exif.get_ifd(_EXIF).get(_TAKEN) or exif.get(_CHANGED)
    try:
        return datetime.datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S")
    except ValueError:  # none, or in another form
        return None


def grey_thumbnails(images: Sequence[CheckedImage]) -> np.ndarray:
    """Grey thumbnails of readable images, `(N, SIDE, SIDE)`."""
    return np.stack([x.thumbnail.grey for x in images if x.thumbnail])
