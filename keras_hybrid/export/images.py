"""Image files and arrays as a model's input."""

import pathlib

import numpy as np

from keras_hybrid.data.picture import to_rgb
from keras_hybrid.utils.files import find_images


def read_image(
    path: pathlib.Path, shape: tuple[int | None, ...], preprocessing: dict
) -> np.ndarray:
    """Pixels `(H, W, C)`, uint8: the short side resized, the centre cropped.

    Args:
        path: An image file that Pillow reads.
        shape: The model's input; a free height or width keeps the file's size.
        preprocessing: `crop`, the share of the resized image that is kept, and
            `interpolation`, as in a card.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it cannot be read, or unpacks to too many pixels.
    """
    from PIL import Image, UnidentifiedImageError

    if not path.is_file():
        raise FileNotFoundError(f"There is no image at {path}.")
    try:
        with Image.open(path) as file:
            if file.width * file.height > Image.MAX_IMAGE_PIXELS:
                raise ValueError(f"{file.width}x{file.height} pixels are too many")
            picture = to_rgb(file)  # as training reads it
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,  # Pillow's word for a broken PNG
        Image.DecompressionBombError,
    ) as error:
        raise ValueError(f"{path} cannot be read as an image: {error}") from error
    return _fit(picture, shape, preprocessing)


def load_images(
    source: pathlib.Path,
    shape: tuple[int | None, ...],
    preprocessing: dict,
    part: str = "test",
    most: int | None = None,
) -> np.ndarray:
    """Images `(N, H, W, C)`, uint8, of a folder or an array file.

    Args:
        source: A folder, searched with all folders in it; or a .npz file with
            `images` or `x_train` and `x_test`, `(N, H, W, C)` or `(N, H, W)`.
        shape: The model's input, of fixed size.
        preprocessing: As `read_image`.
        part: `"train"` or `"test"`, where an array file has both.
        most: Take so many at the most, spread over all.

    Raises:
        FileNotFoundError: If there is nothing at `source`.
        ValueError: If there are no images in it, or they cannot be read.
    """
    if not source.exists():
        raise FileNotFoundError(f"There are no images at {source}.")
    if None in shape:
        raise ValueError("A model with a free input size takes images one by one.")
    if source.is_dir():
        found = find_images(source)
        read = lambda path: read_image(path, shape, preprocessing)  # noqa: E731
    else:
        found = _arrays(source, part)
        read = lambda pixels: _fit_array(pixels, shape, preprocessing)  # noqa: E731
    if not len(found):
        raise ValueError(f"{source} has no images in it.")
    step = max(1, len(found) // most) if most else 1
    return np.stack([read(one) for one in found[::step][:most]])


def _arrays(path, part):
    try:
        with np.load(path, allow_pickle=False) as file:
            key = "images" if "images" in file.files else f"x_{part}"
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
    return images


def _fit_array(pixels, shape, preprocessing):
    from PIL import Image

    return _fit(to_rgb(Image.fromarray(pixels.squeeze())), shape, preprocessing)


def _fit(picture, shape, preprocessing):
    from PIL import Image

    height, width, channels = shape
    if channels == 1:
        picture = picture.convert("L")
    if height and width:
        crop = preprocessing.get("crop", 1.0)
        scale = max(height / picture.height, width / picture.width) / crop
        size = (
            max(width, round(picture.width * scale)),
            max(height, round(picture.height * scale)),
        )
        filter = preprocessing.get("interpolation", "bicubic").upper()
        if size != picture.size:
            picture = picture.resize(size, Image.Resampling[filter])
        left, top = (size[0] - width) // 2, (size[1] - height) // 2
        picture = picture.crop((left, top, left + width, top + height))
    pixels = np.asarray(picture)
    return pixels[..., None] if channels == 1 else pixels
