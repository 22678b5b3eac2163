"""The datasets by name, and the function that registers another dataset."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Any, Protocol

from keras_hybrid.data.cifar import cifar_advice, load_cifar
from keras_hybrid.data.dataset import Dataset
from keras_hybrid.data.digits import load_digits
from keras_hybrid.data.galaxy10 import load_galaxy10
from keras_hybrid.data.galaxy10_file import FILE
from keras_hybrid.data.image_files import Corrupt
from keras_hybrid.data.image_folder import load_folder
from keras_hybrid.data.lazy_images import Resized
from keras_hybrid.data.targets import CLASSIFICATION
from keras_hybrid.data.tfds import load_tfds
from keras_hybrid.data.tiny_imagenet import ARCHIVE, load_tiny_imagenet
from keras_hybrid.utils.plugins import installed, load_plugin
from keras_hybrid.utils.typing import Fit

ENTRY_POINTS = "keras_hybrid.datasets"
"""Entry point group: `NAME = "module:object"`, a `Loader` or a `DatasetSource`."""


class Loader(Protocol):
    """A function that loads a dataset; every loader has these parameters."""

    def __call__(
        self, data_dir: pathlib.Path | None, image_size: int | None, corrupt: Corrupt
    ) -> Dataset:
        """Loads the dataset.

        Args:
            data_dir: An existing folder, or None where the user gives no folder.
            image_size: Height and width that the user asks for. A loader may ignore
                it; `load` resizes then.
            corrupt: Whether image files that cannot be decoded are an error
                (`"raise"`) or left out (`"skip"`).
        """


@dataclasses.dataclass(frozen=True)
class DatasetSource:
    """A dataset that `load` knows.

    Attributes:
        loader: Loads the dataset, see `Loader`.
        advice: What `--data-dir` must contain, for error messages.
        needs_folder: Whether the dataset needs `--data-dir`.
        takes_fit: Whether the loader takes `fit`, too, because its images differ in
            shape. Any other loader is asked for images of their own size unless `fit`
            is `"crop"`; `load` resizes then.
    """

    loader: Callable[..., Dataset]
    advice: str = ""
    needs_folder: bool = False
    takes_fit: bool = False


SOURCES: dict[str, DatasetSource] = {
    "digits": DatasetSource(
        load_digits, "digits come with scikit-learn and need no folder."
    ),
    "cifar10": DatasetSource(
        functools.partial(load_cifar, "cifar10"), cifar_advice("cifar10")
    ),
    "cifar100": DatasetSource(
        functools.partial(load_cifar, "cifar100"), cifar_advice("cifar100")
    ),
    "tiny_imagenet": DatasetSource(load_tiny_imagenet, ARCHIVE.advice),
    "galaxy10": DatasetSource(load_galaxy10, FILE.advice),
    "folder": DatasetSource(
        load_folder,
        "Give --data-dir a folder with one sub-folder of images per class, in train "
        "and test if there is such a split, or with a table labels.csv.",
        needs_folder=True,
        takes_fit=True,
    ),
}
"""Datasets by name. Any dataset of tensorflow-datasets is `tfds:NAME`."""


def register_dataset(
    name: str, loader: Loader, advice: str = "", needs_folder: bool = False
) -> None:
    """Adds a dataset, for `load`, `Recipe(dataset=name)` and `--dataset name`.

    An installed package can declare the loader, or a `DatasetSource`, as an entry point
    of the group `keras_hybrid.datasets` instead.

    Args:
        name: Name of the dataset.
        loader: `loader(data_dir, image_size, corrupt)` returns a `Dataset`.
        advice: What `--data-dir` must contain, for error messages.
        needs_folder: Whether the dataset needs `--data-dir`.

    Raises:
        ValueError: If the name is taken or starts with `tfds:`.

    Example:
        >>> def load_noise(data_dir, image_size, corrupt):
        ...     pixels = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3))
        ...     split = data.Split(pixels.astype("uint8"), np.arange(40) % 2)
        ...     return data.Dataset("noise", split, split, ("a", "b"))
        >>> data.register_dataset("noise", load_noise)
    """
    if name in SOURCES or name.startswith("tfds:"):
        raise ValueError(f"The dataset name {name!r} is taken; choose another.")
    SOURCES[name] = DatasetSource(loader, advice, needs_folder)


def load(
    name: str,
    data_dir: str | pathlib.Path | None = None,
    image_size: int | None = None,
    corrupt: Corrupt = "raise",
    fit: Fit = "crop",
    manifest: str | pathlib.Path | None = None,
    group_by: str = "none",
    task: str = CLASSIFICATION,
    pixel_range: tuple[float, float] | None = None,
    corrections: str | pathlib.Path | None = None,
) -> Dataset:
    """Loads a dataset by name.

    Args:
        name: A key of `SOURCES`, an installed plugin, or `tfds:NAME` for a dataset of
            tensorflow-datasets.
        data_dir: Folder of the data, or for a download; None means the default folder
            of Keras or tensorflow-datasets.
        image_size: Height and width that images are resized to, see `resize_and_crop`;
            None keeps the size of the dataset.
        corrupt: Whether image files that cannot be decoded are an error (`"raise"`)
            or left out (`"skip"`, with a warning that names them).
        fit: How images of another aspect ratio fill the size.
        manifest: For a folder: the table of its images, see `read_table`.
        group_by: For a folder: which images a split must keep together, see
            `image_groups`: `"auto"`, `"parent"`, a column, or a regular expression.
        task: What the labels are, a key of `TARGETS`. A folder is read for it.
        pixel_range: For a folder with files of more than 8 bits: the values that become
            0 and 255; None finds them, see `find_pixel_range`.
        corrections: For a folder: the file in which a review moved or dropped images.

    Raises:
        ValueError: If the name is unknown, the data is damaged, it is no folder and
            has neither table, groups nor corrections, or it is for another task.
        FileNotFoundError: If the data is not on disk and cannot be downloaded; the
            message says what to download and where to put it.
    """
    source = _source(name)
    folder = None if data_dir is None else pathlib.Path(data_dir).expanduser()
    if folder and not folder.is_dir():
        raise FileNotFoundError(
            f"--data-dir {data_dir} is not a folder. {source.advice}".strip()
        )
    if source.needs_folder and not folder:
        raise FileNotFoundError(f"{name} needs --data-dir. {source.advice}".strip())
    asked = image_size if source.takes_fit or fit == "crop" else None
    options: dict[str, Any] = {"fit": fit} if source.takes_fit else {}
    if manifest is not None or group_by != "none" or corrections is not None:
        if name != "folder":
            raise ValueError(
                f"--manifest, --group-by and --corrections need a folder, not {name}."
            )
        options |= {"manifest": manifest, "group_by": group_by}
        options["corrections"] = corrections
    if pixel_range is not None and name != "folder":
        raise ValueError(f"--pixel-range needs a folder, not {name}.")
    if name == "folder":
        options |= {"task": task, "pixel_range": pixel_range}
    dataset = source.loader(
        data_dir=folder, image_size=asked, corrupt=corrupt, **options
    )
    if dataset.task != task:
        raise ValueError(f"{name} is for {dataset.task}: leave out --task {task}.")
    if image_size is None or dataset.train.images.shape[1:3] == (image_size,) * 2:
        return dataset
    train, test = (
        dataclasses.replace(
            split, images=Resized(split.images, image_size, fit)
        ).load_into_memory()
        for split in (dataset.train, dataset.test)
    )
    return dataclasses.replace(dataset, train=train, test=test)


def _source(name: str) -> DatasetSource:
    if name in SOURCES:
        return SOURCES[name]
    tfds_name = name.removeprefix("tfds:")
    if tfds_name not in (name, ""):
        return DatasetSource(functools.partial(load_tfds, tfds_name), takes_fit=True)
    found = load_plugin(ENTRY_POINTS, name)
    if found is None:
        known = ", ".join([*SOURCES, *installed(ENTRY_POINTS), "tfds:NAME"])
        raise ValueError(f"There is no dataset {name!r}; known: {known}.")
    return found if isinstance(found, DatasetSource) else DatasetSource(found)
