"""The 1,797 handwritten digits of scikit-learn, enlarged from 8x8 to 32x32."""

import pathlib

import numpy as np

from keras_hybrid.data.dataset import Dataset, Split
from keras_hybrid.data.decode import resize_array
from keras_hybrid.data.image_files import Corrupt
from keras_hybrid.data.splits import balanced_split
from keras_hybrid.utils.optional import require


def load_digits(
    data_dir: pathlib.Path | None, image_size: int | None, corrupt: Corrupt
) -> Dataset:
    """Loads the digits. The test split is a class-balanced fifth: none is official.

    Args:
        data_dir: Unused: the images come with scikit-learn.
        image_size: Unused: `load` resizes.
        corrupt: Unused: there are no image files.

    Raises:
        ImportError: If scikit-learn is missing.
    """
    require("sklearn", extra="digits", what="digits")
    from sklearn import datasets

    digits = datasets.load_digits()
    images = np.stack([_enlarge(image) for image in digits.images])
    labels = digits.target.astype("int64")
    test, train = balanced_split(labels, 0.2, seed=0)
    every = Split(images, labels)
    names = tuple(str(name) for name in digits.target_names)
    return Dataset("digits", every.take(train), every.take(test), names)


def _enlarge(image: np.ndarray) -> np.ndarray:
    """Values (8, 8) from 0 to 16 -> pixels (32, 32, 3)."""
    pixels = (image * (255 / 16)).astype("uint8")
    return resize_array(pixels[..., None], (32, 32))
