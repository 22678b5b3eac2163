"""Image files and arrays as a model's input, resized as in training."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from keras_hybrid.data.decode import from_array, open_image, to_rgb
from keras_hybrid.data.resize import resize_and_crop
from keras_hybrid.utils.files import find_images
from keras_hybrid.utils.typing import Shape


def read_image(
    path: str | pathlib.Path, shape: Shape, preprocessing: Mapping[str, Any]
) -> np.ndarray:
    """Reads an image file as the input of a model, see `resize.resize_and_crop`.

    Args:
        path: An image file that Pillow reads.
        shape: Input shape `(H, W, C)` of the model; if height or width is None the
            image keeps its size.
        preprocessing: `crop`, `interpolation` and `fit`, as in a model's card.

    Returns:
        uint8 pixels `(H, W, C)`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file cannot be read or has too many pixels.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        raise FileNotFoundError(f"{path} is a folder, not an image: give its files.")
    if not path.is_file():
        raise FileNotFoundError(f"There is no image at {path}.")
    try:
        with open_image(path) as file:
            image = to_rgb(file)
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,  # Pillow's error for a broken PNG
        Image.DecompressionBombError,
    ) as error:
        raise ValueError(f"{path} cannot be read as an image: {error}") from error
    return _to_input(image, shape, preprocessing)


def as_input(
    image: str | pathlib.Path | Image.Image | np.ndarray,
    shape: Shape,
    preprocessing: Mapping[str, Any],
) -> np.ndarray:
    """An image file, a Pillow image or pixels as the input of a model.

    Args:
        image: A path; a Pillow image; or pixels `(H, W, C)` with 1, 3 or 4 channels, as
            integers of 8 or 16 bits or as floats in [0, 255], which are rounded.
        shape: As for `read_image`.
        preprocessing: As for `read_image`.

    Returns:
        uint8 pixels `(H, W, C)`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file cannot be read, or pixels have another shape or range.
    """
    if isinstance(image, str | pathlib.Path):
        return read_image(pathlib.Path(image), shape, preprocessing)
    if isinstance(image, Image.Image):
        return _to_input(to_rgb(image), shape, preprocessing)
    if image.ndim != 3:
        raise ValueError(f"Pixels must be (H, W, C), not {image.shape}.")
    if not image.size:
        raise ValueError(f"There are no pixels in an image of shape {image.shape}.")
    if np.issubdtype(image.dtype, np.floating):
        image = _from_floats(image)
    return _to_input(from_array(image), shape, preprocessing)


def _from_floats(pixels: np.ndarray) -> np.ndarray:
    """Floats in [0, 255] -> uint8."""
    low, high = pixels.min(), pixels.max()
    if not (low >= 0 and high <= 255):  # also if one is not a number
        raise ValueError(f"Float pixels must lie in [0, 255], not [{low}, {high}].")
    if 0 < high <= 1:
        raise ValueError(
            "Float pixels must lie in [0, 255], and these lie in [0, 1]: multiply them "
            "by 255."
        )
    return np.round(pixels).astype("uint8")


def load_images(
    source: pathlib.Path,
    shape: Shape,
    preprocessing: Mapping[str, Any],
    split: str = "test",
    most: int | None = None,
) -> np.ndarray:
    """Reads the images of a folder or .npz file as the input of a model.

    Args:
        source: A folder, searched with its sub-folders; or a .npz file with `images`,
            or with `x_train` and `x_test`, `(N, H, W, C)` or `(N, H, W)`.
        shape: Input shape `(H, W, C)` of the model, of fixed size.
        preprocessing: As for `read_image`.
        split: `"train"` or `"test"`, if the .npz file has both.
        most: Largest number of images, spread evenly over all images.

    Returns:
        uint8 pixels `(N, H, W, C)`.

    Raises:
        FileNotFoundError: If `source` does not exist.
        ValueError: If `source` has no images, or they cannot be read.
    """
    if not source.exists():
        raise FileNotFoundError(f"There are no images at {source}.")
    if None in shape:
        raise ValueError(
            "A model of any input size takes images one by one, with read_image."
        )
    found = find_images(source) if source.is_dir() else _arrays(source, split)
    if not len(found):
        raise ValueError(f"{source} has no images.")
    step = max(1, len(found) // most) if most else 1
    return np.stack(
        [as_input(item, shape, preprocessing) for item in found[::step][:most]]
    )


def _arrays(path: pathlib.Path, split: str) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as file:
            key = "images" if "images" in file.files else f"x_{split}"
            images = file[key]
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{path} is no .npz file with images, x_train or x_test: {error}"
        ) from error
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise ValueError(
            f"{path}: images must be uint8, (N, H, W, C), not {images.dtype}, "
            f"{images.shape}."
        )
    return images if images.ndim == 4 else images[..., None]


def _to_input(
    image: Image.Image, shape: Shape, preprocessing: Mapping[str, Any]
) -> np.ndarray:
    """An RGB image -> uint8 `(H, W, C)`."""
    *size, channels = shape
    if channels == 1:
        image = image.convert("L")
    image = resize_and_crop(
        image,
        tuple(size),
        preprocessing.get("crop", 1.0),
        preprocessing.get("interpolation", "bicubic"),
        preprocessing.get("fit", "crop"),
    )
    pixels = np.asarray(image)
    return pixels[..., None] if channels == 1 else pixels
