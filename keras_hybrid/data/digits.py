"""scikit-learn's 1,797 handwritten digits, enlarged from 8x8 to 32x32."""

import pathlib

import numpy as np

from keras_hybrid.data.dataset import Dataset, Split
from keras_hybrid.data.decode import resize_array
from keras_hybrid.data.image_files import Corrupt
from keras_hybrid.data.splits import balanced_split


def load_digits(
    data_dir: pathlib.Path | None, image_size: int | None, corrupt: Corrupt
) -> Dataset:
    """The digits; there is no official split: a class-balanced fifth is the test set.

    Args:
        data_dir: Unused: scikit-learn brings the images.
        image_size: Unused: `load` resizes.
        corrupt: Unused: there are no image files.

    Raises:
        ImportError: If scikit-learn is missing.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError("digits needs: pip install 'keras_hybrid[digits]'") from error
    digits = datasets.load_digits()
    images = np.stack([_enlarge(image) for image in digits.images])
    labels = digits.target.astype("int64")
    test, train = balanced_split(labels, 0.2, seed=0)
    every = Split(images, labels)
    names = tuple(str(name) for name in digits.target_names)
    return Dataset("digits", every.take(train), every.take(test), names)


def _enlarge(image: np.ndarray) -> np.ndarray:
    """(8, 8) values in 0..16 -> (32, 32, 3) pixels."""
    pixels = (image * (255 / 16)).astype("uint8")
    return resize_array(pixels[..., None], (32, 32))
