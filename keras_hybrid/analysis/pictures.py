"""Image files as a model sees them."""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def read_pictures(
    folder: pathlib.Path,
    shape: tuple[int, int, int],
    count: int,
    preprocessing: Mapping | None = None,
) -> tuple[np.ndarray, list[pathlib.Path]]:
    """Reads images of a folder, evenly spread over all that lie in it.

    Args:
        folder: Images, or folders of images, one a class.
        shape: Height, width and channels of the model's input.
        count: How many to read, at most.
        preprocessing: `crop`, the share of the resized image that the central crop
            keeps, and `interpolation`, the filter; as a model's card says it.

    Returns:
        `(B, H, W, C)` float32 pixels in [0, 255], and the paths.

    Raises:
        FileNotFoundError: If the folder is none, or holds no image.
        ValueError: If a file cannot be read as an image, or the model's size is free.
    """
    if None in shape:
        raise ValueError(f"The model takes any size, {shape}: build it with one size.")
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    every = sorted(x for x in folder.rglob("*") if x.suffix.lower() in SUFFIXES)
    if not every:
        raise FileNotFoundError(f"There is no image in {folder} or below.")
    places = np.linspace(0, len(every) - 1, min(count, len(every))).round().astype(int)
    paths = [every[i] for i in places]
    return np.stack([_read(x, shape, **(preprocessing or {})) for x in paths]), paths


def labels_of(
    paths: Sequence[pathlib.Path], class_names: Sequence[str]
) -> np.ndarray | None:
    """Class of each image by the name of its folder; None unless all are known."""
    folders = [path.parent.name for path in paths]
    if not set(folders) <= set(class_names):
        return None
    return np.array([list(class_names).index(folder) for folder in folders])


def _read(path, shape, crop=1.0, interpolation="bicubic", **_) -> np.ndarray:
    from PIL import Image, ImageOps, UnidentifiedImageError

    height, width, channels = shape
    try:
        with Image.open(path) as file:
            picture = file.convert("L" if channels == 1 else "RGB")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} cannot be read as an image: {error}") from error
    size = (round(width / crop), round(height / crop))
    picture = ImageOps.fit(picture, size, Image.Resampling[interpolation.upper()])
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    picture = picture.crop((left, top, left + width, top + height))
    pixels = np.asarray(picture, "float32")
    return pixels[..., None] if channels == 1 else pixels
