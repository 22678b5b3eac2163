"""Image files and arrays as a model's input, resized as in training."""

import functools
import io
import pathlib
import warnings
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from keras_hybrid.data.decode import (
    Resize,
    from_array,
    resize_floats,
    rgb_pixels,
    to_rgb,
)
from keras_hybrid.data.deep_pixels import is_deep
from keras_hybrid.data.open_image import count_frames, open_image
from keras_hybrid.data.pixel_range import PixelRange
from keras_hybrid.data.resize import resize_and_crop
from keras_hybrid.utils.found_files import find_images
from keras_hybrid.utils.guard import open_arrays
from keras_hybrid.utils.typing import Shape

_DIM = 64  # in 8 bits
_CONTENT = "The content"


def read_image(
    path: str | pathlib.Path, shape: Shape, preprocessing: Mapping[str, Any]
) -> np.ndarray:
    """Reads an image file as the input of a model, see `resize.resize_and_crop`.

    Args:
        path: An image file that Pillow reads.
        shape: Input shape `(H, W, C)` of the model; if height or width is None the
            image keeps its size.
        preprocessing: `crop`, `interpolation`, `fit` and `pixel_range`, as in a model's
            card.

    Returns:
        uint8 pixels `(H, W, C)`; float32 ones of a file of more than 8 bits, if there
        is a `pixel_range`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file cannot be read or has too many pixels.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        raise FileNotFoundError(f"{path} is a folder, not an image: give its files.")
    if not path.is_file():
        raise FileNotFoundError(f"There is no image at {path}.")
    return _read(path, str(path), shape, preprocessing)


def _read(
    file: pathlib.Path | BinaryIO,
    name: str,
    shape: Shape,
    preprocessing: Mapping[str, Any],
) -> np.ndarray:
    try:
        with open_image(file) as image:
            frames, deep = count_frames(image), is_deep(image)
            pixels = _to_input(image, shape, preprocessing)
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,  # Pillow's error for a broken PNG
        Image.DecompressionBombError,
    ) as error:
        unknown = isinstance(error, UnidentifiedImageError) and name == _CONTENT
        reason = "it is of no known kind" if unknown else error
        raise ValueError(f"{name} cannot be read as an image: {reason}") from error
    if frames > 1:
        _warn(f"{name} has {frames} frames or pages; the first is read.")
    if deep and pixels.dtype == np.uint8 and pixels.max() < _DIM:
        _warn(
            f"{name} has 16-bit values of less than 14 bits and is read as 16 bits, "
            "because the model knows no pixel range: scale them if it is not so dark."
        )
    return pixels


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=4)


def as_input(
    image: str | pathlib.Path | bytes | Image.Image | np.ndarray,
    shape: Shape,
    preprocessing: Mapping[str, Any],
) -> np.ndarray:
    """An image file, a Pillow image or pixels as the input of a model.

    Args:
        image: A path; the content of an image file as bytes; a Pillow image; or pixels
            `(H, W, C)` with 1, 3 or 4 channels, as integers of 8 or 16 bits or as
            floats in [0, 255], which are rounded. If there is a `pixel_range`, all but
            8-bit pixels, of 1 or 3 channels, are values in it.
        shape: As for `read_image`.
        preprocessing: As for `read_image`.

    Returns:
        As `read_image`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file cannot be read, or pixels have another shape or range.
    """
    if isinstance(image, str | pathlib.Path):
        return read_image(pathlib.Path(image), shape, preprocessing)
    if isinstance(image, bytes):
        return _read(io.BytesIO(image), _CONTENT, shape, preprocessing)
    if isinstance(image, Image.Image):
        return _to_input(image, shape, preprocessing)
    if image.ndim != 3:
        raise ValueError(f"Pixels must be (H, W, C), not {image.shape}.")
    if not image.size:
        raise ValueError(f"There are no pixels in an image of shape {image.shape}.")
    levels = PixelRange.of(preprocessing)
    if levels is not None and image.dtype != np.uint8:
        return _deep_input(image, levels, shape, preprocessing)
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
        with open_arrays(path) as file:
            key = "images" if "images" in file.files else f"x_{split}"
            images = file[key]
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"{path} is no .npz file with images, x_train or x_test: {error}"
        ) from error
    if images.dtype not in (np.uint8, np.uint16) or images.ndim not in (3, 4):
        raise ValueError(
            f"{path}: images must be uint8 or uint16, (N, H, W, C), not "
            f"{images.dtype}, {images.shape}."
        )
    return images if images.ndim == 4 else images[..., None]


def _to_input(
    image: Image.Image, shape: Shape, preprocessing: Mapping[str, Any]
) -> np.ndarray:
    """An image -> pixels `(H, W, C)`."""
    levels, grey = PixelRange.of(preprocessing), shape[-1] == 1
    if levels is not None and is_deep(image):
        pixels = rgb_pixels(image, _resize(shape, preprocessing), levels)
        return _luma(pixels) if grey else pixels
    image = to_rgb(image)
    if grey:
        image = image.convert("L")
    pixels = np.asarray(_resize(shape, preprocessing)(image))
    return pixels[..., None] if grey else pixels


def _deep_input(
    values: np.ndarray,
    levels: PixelRange,
    shape: Shape,
    preprocessing: Mapping[str, Any],
) -> np.ndarray:
    """Values in a pixel range -> float32 `(H, W, C)`."""
    if values.shape[-1] not in (1, 3):
        raise ValueError(
            f"Images of more than 8 bits must have 1 or 3 channels, not "
            f"{values.shape[-1]}."
        )
    if not np.isfinite(values).all():
        raise ValueError("The image has pixels that are not finite.")
    pixels = resize_floats(levels.scaled(values), _resize(shape, preprocessing))
    return _luma(pixels) if shape[-1] == 1 else pixels


def _luma(pixels: np.ndarray) -> np.ndarray:
    """Grey values `(H, W, 1)` as Pillow's convert("L") weighs colours, not rounded."""
    return (pixels @ np.array([0.299, 0.587, 0.114], "float32"))[..., None]


def _resize(shape: Shape, preprocessing: Mapping[str, Any]) -> Resize:
    return functools.partial(
        resize_and_crop,
        size=shape[:-1],
        crop=preprocessing.get("crop", 1.0),
        interpolation=preprocessing.get("interpolation", "bicubic"),
        fit=preprocessing.get("fit", "crop"),
    )
