"""Any image classification dataset of tensorflow-datasets."""

import os
import pathlib
from typing import Any

import numpy as np

from keras_hybrid.data.dataset import Dataset, Split
from keras_hybrid.data.decode import resize_array
from keras_hybrid.data.image_files import Corrupt
from keras_hybrid.data.lazy_images import allocate_images, in_threads, reason
from keras_hybrid.data.progress_bar import in_chunks
from keras_hybrid.data.splits import stratified_split
from keras_hybrid.utils.optional import is_installed, require
from keras_hybrid.utils.typing import Fit

TEST_SHARE = 0.1
"""Share of the images in the test split of a dataset without an official one."""


def is_prepared(name: str, data_dir: pathlib.Path | None) -> bool:
    """Whether the dataset is prepared on disk; does not import tensorflow-datasets."""
    usual = os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")
    folder = (data_dir or pathlib.Path(usual).expanduser()) / name
    return folder.is_dir() and is_installed("tensorflow_datasets")


def load_tfds(
    name: str,
    data_dir: pathlib.Path | None,
    image_size: int | None = None,
    corrupt: Corrupt = "raise",
    fit: Fit = "crop",
) -> Dataset:
    """Loads a dataset with the features image and label.

    The test split is `test`, or `validation` if `test` is missing or has no labels. A
    dataset with `train` alone gives a stratified tenth (seed 0) as its test split.

    Args:
        name: Its name in tensorflow-datasets, e.g. `"oxford_flowers102"`.
        data_dir: Folder of tensorflow-datasets; None means its default.
        image_size: Height and width that images are resized to; None keeps the size of
            the dataset.
        corrupt: Unused: tensorflow-datasets checks its files.
        fit: How images of another aspect ratio fill the size.

    Raises:
        ImportError: If tensorflow-datasets is missing.
        ValueError: If the dataset is unknown, has no class labels, or has images of
            several sizes and `image_size` is None.
        FileNotFoundError: If the dataset is not on disk and cannot be downloaded.
    """
    require("tensorflow_datasets", extra="tfds", what=name)
    import tensorflow_datasets as tfds

    if name.startswith("galaxy10_decals"):
        from keras_hybrid.data import galaxy10_builder  # noqa: F401  registers it
    try:
        builder = tfds.builder(name, data_dir=data_dir and str(data_dir))
    except tfds.core.DatasetNotFoundError as error:
        raise ValueError(
            f"tensorflow-datasets has no dataset {name!r}; "
            "https://www.tensorflow.org/datasets/catalog lists all."
        ) from error
    try:
        builder.download_and_prepare()
    except Exception as error:  # any failure of the network
        raise FileNotFoundError(
            f"{name} is not in {builder.data_dir} and could not be downloaded "
            f"({type(error).__name__}: {reason(error)[:200]}). "
            "Prepare it once with network access, and give --data-dir the folder of "
            "tensorflow-datasets."
        ) from error
    return from_builder(builder, image_size, fit)


def from_builder(builder: Any, image_size: int | None, fit: Fit = "crop") -> Dataset:
    """The dataset of a prepared tensorflow-datasets builder."""
    name, features = builder.info.name, builder.info.features
    keys = builder.info.supervised_keys or ("image", "label")
    if not all(key in features for key in keys) or not hasattr(
        features[keys[1]], "names"
    ):
        raise ValueError(
            f"{name} has no images with class labels; its features are "
            f"{', '.join(features)}."
        )
    size = (image_size,) * 2 if image_size else features[keys[0]].shape[:2]
    if len(features[keys[0]].shape) != 3 or None in size:
        raise ValueError(
            f"{name} has images of varying size: give --image-size, e.g. 224."
        )
    splits = list(builder.info.splits) or ["train", "test"]  # a mocked builder has none
    if "train" not in splits:
        raise ValueError(f"{name} has no split train, but {', '.join(splits)}.")
    train = _read(builder, "train", keys, size, fit)
    if train is None:
        raise ValueError(f"{name} has no labels in its split train.")
    test = None
    for split in ("test", "validation", "val"):
        if split in splits and (test := _read(builder, split, keys, size, fit)):
            break
    if test is None:
        indices, rest = stratified_split(train.labels, TEST_SHARE, seed=0)
        print(f"{name} has no test split: a stratified tenth (seed 0) is used.")
        train, test = train.select(rest), train.select(indices)
    return Dataset(name, train, test, tuple(features[keys[1]].names))


def _read(
    builder: Any,
    split: str,
    keys: tuple[str, str],
    size: tuple[int, int],
    fit: Fit,
) -> Split | None:
    """A split, resized to `size` image by image; None if it has no labels."""
    import tensorflow_datasets as tfds

    # Files are read one after the other, so images keep the order on disk.
    config = tfds.ReadConfig(interleave_cycle_length=1)
    stream = builder.as_dataset(split=split, read_config=config)
    count = int(stream.cardinality())
    if int(next(iter(stream.take(1)))[keys[1]]) < 0:
        return None
    whole = None not in builder.info.features[keys[0]].shape
    stream = stream.map(lambda example: (example[keys[0]], example[keys[1]]))
    batches = iter(tfds.as_numpy(stream.batch(256) if whole else stream))
    images = allocate_images((count, *size, 3), pathlib.Path(builder.data_dir))
    labels = np.empty(count, dtype="int64")
    for indices in in_chunks(count, f"Reading {split}"):
        if whole:
            pixels, labels[indices] = next(batches)
        else:
            pixels, labels[indices] = zip(
                *(next(batches) for _ in indices), strict=True
            )
        images[indices] = _at_size(pixels, size, fit)
    return Split(images, labels)


def _at_size(pixels: Any, size: tuple[int, int], fit: Fit) -> np.ndarray:
    """Arrays `(h, w, c)` of 8 or 16 bits -> uint8 `(N, H, W, 3)`."""
    if getattr(pixels, "shape", ())[1:] == (*size, 3) and pixels.dtype == np.uint8:
        return pixels
    return in_threads(lambda image: resize_array(image, size, fit), pixels, (*size, 3))
