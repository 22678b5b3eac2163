"""The datasets by name."""

import dataclasses
import pathlib
from collections.abc import Callable

from keras_hybrid.data.cifar import cifar_advice, load_cifar
from keras_hybrid.data.dataset import Dataset, Split
from keras_hybrid.data.digits import load_digits
from keras_hybrid.data.galaxy10 import FILE, load_galaxy10
from keras_hybrid.data.image_files import Corrupt
from keras_hybrid.data.image_folder import load_folder
from keras_hybrid.data.lazy_images import Resized
from keras_hybrid.data.tfds import load_tfds
from keras_hybrid.data.tiny_imagenet import ARCHIVE, load_tiny_imagenet


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a dataset comes from.

    Attributes:
        loader: Takes the folder, the image size (which it may leave to `load`) and
            `corrupt`.
        advice: What `--data-dir` must name.
    """

    loader: Callable[[pathlib.Path | None, int | None, Corrupt], Dataset]
    advice: str


def _cifar(name: str) -> Source:
    return Source(
        lambda folder, size, corrupt: load_cifar(name, folder), cifar_advice(name)
    )


SOURCES: dict[str, Source] = {
    "digits": Source(
        lambda folder, size, corrupt: load_digits(),
        "digits come with scikit-learn and need no folder.",
    ),
    "cifar10": _cifar("cifar10"),
    "cifar100": _cifar("cifar100"),
    "tiny_imagenet": Source(load_tiny_imagenet, ARCHIVE.advice),
    "galaxy10": Source(
        lambda folder, size, corrupt: load_galaxy10(folder, size), FILE.advice
    ),
    "folder": Source(
        load_folder,
        "Give --data-dir a folder with a sub-folder of images for every class, in "
        "train and test if there is such a split, or with a table labels.csv.",
    ),
}
"""Datasets by name; beside them `tfds:NAME` is any of tensorflow-datasets'."""


def load(
    name: str,
    data_dir: str | pathlib.Path | None = None,
    image_size: int | None = None,
    corrupt: Corrupt = "raise",
) -> Dataset:
    """Loads a dataset by name.

    Args:
        name: One of `SOURCES`, or `tfds:NAME` for a set of tensorflow-datasets.
        data_dir: Where the data is or may be put; None leaves it to the library.
        image_size: Side that images are brought to, by their short side and a centre
            crop; None keeps the data's own.
        corrupt: Whether image files that cannot be decoded are an error (`"raise"`)
            or left out (`"skip"`, with a warning that names them).

    Raises:
        ValueError: If the name is unknown or the data is not what it should be.
        FileNotFoundError: If the data is neither on disk nor to be downloaded; the
            message says what to put where.
    """
    of_tfds = name.removeprefix("tfds:")
    if name not in SOURCES and of_tfds in (name, ""):
        known = ", ".join([*SOURCES, "tfds:NAME"])
        raise ValueError(f"There is no dataset {name!r}; known: {known}.")
    advice = SOURCES[name].advice if name in SOURCES else ""
    folder = None if data_dir is None else pathlib.Path(data_dir).expanduser()
    if folder and not folder.is_dir():
        raise FileNotFoundError(f"--data-dir {data_dir} is not a folder. {advice}")
    if name not in SOURCES:
        return load_tfds(of_tfds, folder, image_size)
    if name == "folder" and not folder:
        raise FileNotFoundError(f"There is no --data-dir. {advice}")
    dataset = SOURCES[name].loader(folder, image_size, corrupt)
    if image_size is None or dataset.train.images.shape[1:3] == (image_size,) * 2:
        return dataset
    train, test = (
        Split(Resized(split.images, image_size), split.labels).load_into_memory()
        for split in (dataset.train, dataset.test)
    )
    return dataclasses.replace(dataset, train=train, test=test)
