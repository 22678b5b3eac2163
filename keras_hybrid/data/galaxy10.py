"""Galaxy10 DECaLS: 17,736 galaxies of ten shapes, 256x256 (Leung and Bovy 2019).

There is no official split. The test split is a stratified tenth (1,774 images, seed 0).
Published results use other splits.
"""

import dataclasses
import functools
import pathlib

import numpy as np

from keras_hybrid.data.dataset import Dataset, Split
from keras_hybrid.data.decode import resize_array
from keras_hybrid.data.galaxy10_file import (
    CLASS_NAMES,
    FILE,
    read_images,
    read_labels,
    require_h5py,
    split_indices,
)
from keras_hybrid.data.image_files import Corrupt
from keras_hybrid.data.lazy_images import allocate_images, in_threads
from keras_hybrid.data.tfds import is_prepared, load_tfds


def load_galaxy10(
    data_dir: pathlib.Path | None, image_size: int | None, corrupt: Corrupt
) -> Dataset:
    """Loads Galaxy10 from disk, or downloads it.

    The first of these that exists is used: `Galaxy10_DECals.h5` in `data_dir`; the
    dataset that `galaxy10_builder` prepared there with tensorflow-datasets; the file,
    downloaded. All give the same images in the same order.

    Args:
        data_dir: Folder of the data, or for the download.
        image_size: Height and width that images are resized to; None keeps 256 pixels,
            which take 3.2 GiB of memory.
        corrupt: Unused: there are no image files.

    Raises:
        ValueError: If the file is damaged or another file.
        FileNotFoundError: If there is neither data nor network.
        ImportError: If h5py is missing.
    """
    path = FILE.in_folder(data_dir)
    if path is None and is_prepared("galaxy10_decals", data_dir):
        prepared = load_tfds("galaxy10_decals", data_dir, image_size)
        return dataclasses.replace(prepared, name="galaxy10")
    require_h5py()  # before a download of gigabytes
    path = path or FILE.fetch(data_dir)
    labels = read_labels(path)
    images = np.empty(0)
    for indices, pixels in read_images(path):
        if not len(images):
            size = (image_size,) * 2 if image_size else pixels.shape[1:3]
            images = allocate_images((len(labels), *size, 3), path.parent)
        images[indices] = in_threads(
            functools.partial(resize_array, size=size),
            pixels,
            images.shape[1:],
        )
    every = Split(images, labels)
    test, train = split_indices(labels)
    return Dataset("galaxy10", every.select(train), every.select(test), CLASS_NAMES)
