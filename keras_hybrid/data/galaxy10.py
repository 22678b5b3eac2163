"""Galaxy10 DECaLS: 17,736 galaxies of ten shapes, 256x256 (Leung and Bovy 2019).

There is no official split. Here a stratified tenth (1,774 images, seed 0) is the test
split; published results use other splits.
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
    split_indices,
)
from keras_hybrid.data.image_files import Corrupt
from keras_hybrid.data.lazy_images import allocate_images, in_threads
from keras_hybrid.data.tfds import is_prepared, load_tfds


def load_galaxy10(
    data_dir: pathlib.Path | None, image_size: int | None, corrupt: Corrupt
) -> Dataset:
    """Galaxy10 from its file, or as tensorflow-datasets has prepared it.

    In this order: `Galaxy10_DECals.h5` in `data_dir`; what `galaxy10_builder` has
    prepared there; the file, downloaded. All give the same images in the same order.

    Args:
        data_dir: Folder with the data, or to put it.
        image_size: Side that images are brought to as they are read; None keeps 256,
            which takes 3.2 GiB of memory.
        corrupt: Unused: a damaged file has no images to leave out.

    Raises:
        ValueError: If the file is not what it should be.
        FileNotFoundError: If there is neither data nor network.
        ImportError: If h5py is missing.
    """
    path = FILE.in_folder(data_dir)
    if path is None and is_prepared("galaxy10_decals", data_dir):
        prepared = load_tfds("galaxy10_decals", data_dir, image_size)
        return dataclasses.replace(prepared, name="galaxy10")
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
