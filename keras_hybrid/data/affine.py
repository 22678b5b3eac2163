"""Affine matrices of geometric augmentation, one per image.

Matrices `(B, 3, 3)` map the position `(x, y, 1)` of an output pixel to the position in
the input that it is read from. Positions are in pixels; `(0, 0)` is the center of the
first pixel. A sequence of operations is the product of their matrices in that order, so
an image is interpolated once, whatever the number of operations.
"""

import numpy as np

# Aspect ratio (width / height) of a random resized crop, as in Inception.
_CROP_RATIO = (3 / 4, 4 / 3)


_Values = float | np.ndarray


def compose(matrices: list[np.ndarray]) -> np.ndarray:
    """The upper two rows of the product of the matrices, flat: `(B, 6)` float32."""
    product = matrices[0]
    for factor in matrices[1:]:
        product = product @ factor
    return product[:, :2].reshape(-1, 6).astype("float32")


def shift(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Reads each pixel from `x` pixels to the right and `y` pixels below."""
    return _matrices(len(x), x_from_1=x, y_from_1=y)


def flip(across: np.ndarray, down: np.ndarray, height: int, width: int) -> np.ndarray:
    """Flips images horizontally where `across`, vertically where `down`."""
    return _matrices(
        len(across),
        x_from_x=np.where(across, -1, 1),
        x_from_1=np.where(across, width - 1, 0),
        y_from_y=np.where(down, -1, 1),
        y_from_1=np.where(down, height - 1, 0),
    )


def rotation(degrees: np.ndarray, height: int, width: int) -> np.ndarray:
    """Rotates counterclockwise about the center of the image."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y = (width - 1) / 2, (height - 1) / 2
    return _matrices(
        len(degrees),
        x_from_x=cosine,
        x_from_y=-sine,
        x_from_1=x - cosine * x + sine * y,
        y_from_x=sine,
        y_from_y=cosine,
        y_from_1=y - sine * x - cosine * y,
    )


def shear(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Shears rows by `x` and columns by `y` pixels per pixel; the corner is fixed."""
    return _matrices(
        len(x), x_from_y=x, x_from_1=x / 2, y_from_x=y, y_from_1=y / 2
    )  # halves: Pillow's origin is the corner of the first pixel, not its center


def resized_crop(
    rng: np.random.Generator,
    batch: int,
    height: int,
    width: int,
    area: tuple[float, float],
) -> np.ndarray:
    """Random resized crop: enlarges a random box of each image to the full size.

    Args:
        rng: Source of the random numbers.
        batch: Number of images.
        height: Height of the images, in pixels.
        width: Width of the images, in pixels.
        area: Smallest and largest area of the box, as a share of the image.
    """
    kept = rng.uniform(*area, (batch, 10)) * height * width
    lowest, highest = np.log(_CROP_RATIO)
    ratio = np.exp(rng.uniform(lowest, highest, (batch, 10)))
    wide, tall = np.rint(np.sqrt(kept * ratio)), np.rint(np.sqrt(kept / ratio))
    fits = (wide <= width) & (tall <= height) & (wide > 0) & (tall > 0)
    rows, chosen = np.arange(batch), fits.argmax(1)
    found = fits[
        rows, chosen
    ]  # the first of ten tries that fits; otherwise the whole image
    wide = np.where(found, wide[rows, chosen], width)
    tall = np.where(found, tall[rows, chosen], height)
    left = np.floor(rng.random(batch) * (width - wide + 1))
    top = np.floor(rng.random(batch) * (height - tall + 1))
    across, down = wide / width, tall / height
    return _matrices(
        batch,
        x_from_x=across,
        x_from_1=left + across / 2 - 0.5,
        y_from_y=down,
        y_from_1=top + down / 2 - 0.5,
    )


def _matrices(
    batch: int,
    x_from_x: _Values = 1.0,
    x_from_y: _Values = 0.0,
    x_from_1: _Values = 0.0,
    y_from_x: _Values = 0.0,
    y_from_y: _Values = 1.0,
    y_from_1: _Values = 0.0,
) -> np.ndarray:
    matrices = np.zeros((batch, 3, 3))
    matrices[:, 0, 0], matrices[:, 0, 1], matrices[:, 0, 2] = (
        x_from_x,
        x_from_y,
        x_from_1,
    )
    matrices[:, 1, 0], matrices[:, 1, 1], matrices[:, 1, 2] = (
        y_from_x,
        y_from_y,
        y_from_1,
    )
    matrices[:, 2, 2] = 1
    return matrices
