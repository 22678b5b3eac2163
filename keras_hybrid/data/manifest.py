"""`manifest.csv`: file, class, group, split and hash of every image of a run."""

import os
import pathlib
from collections.abc import Iterator, Mapping

import numpy as np

from keras_hybrid.data.dataset import Dataset
from keras_hybrid.data.targets import get_targets
from keras_hybrid.utils.csv_rows import write_csv

FILE = "manifest.csv"
COLUMNS = ("path", "label", "group", "split", "digest")


def write_manifest(
    dataset: Dataset,
    path: pathlib.Path,
    root: pathlib.Path,
    training: np.ndarray | None = None,
    validation: np.ndarray | None = None,
) -> None:
    """Writes a table that `load("folder", root, manifest=path)` takes.

    Args:
        dataset: A folder that `load` returned.
        path: The CSV file.
        root: The folder. Files outside it have absolute paths.
        training: Indices of the images to train on; None means all of the training
            split but those that are given for validation.
        validation: Indices of the images held out of the training split; None means
            those that are given.

    Raises:
        ValueError: If the files of the dataset are not known.

    Example:
        >>> root = pathlib.Path("photos")
        >>> photos = data.load("folder", root, image_size=64, group_by="auto")
        >>> data.write_manifest(photos, pathlib.Path("split.csv"), root)
    """
    if dataset.train.paths is None or dataset.test.paths is None:
        raise ValueError(f"A manifest needs a folder of images, not {dataset.name}.")
    given = dataset.train.held_out
    held_out = np.zeros(len(dataset.train), bool) if given is None else given
    training = np.flatnonzero(~held_out) if training is None else training
    validation = np.flatnonzero(held_out) if validation is None else validation
    rows = [
        *_rows(dataset, "train", training, root),
        *_rows(dataset, "train", validation, root, "validation"),
        *_rows(dataset, "test", np.arange(len(dataset.test)), root),
    ]
    write_csv(rows, path, COLUMNS)


def image_rows(dataset: Dataset, root: pathlib.Path) -> Iterator[Mapping[str, str]]:
    """The rows of a manifest of all images, without validation images."""
    yield from _rows(dataset, "train", np.arange(len(dataset.train)), root)
    yield from _rows(dataset, "test", np.arange(len(dataset.test)), root)


def _rows(
    dataset: Dataset,
    part: str,
    indices: np.ndarray,
    root: pathlib.Path,
    split: str = "",
) -> Iterator[Mapping[str, str]]:
    source = getattr(dataset, part)
    targets = get_targets(dataset.task)
    digests = dataset.image_digests()[part == "test"]
    for index in indices:
        yield {
            "path": name_in(root, source.paths[index]),
            "label": targets.text(source.labels[index], dataset.class_names),
            "group": "" if source.groups is None else str(source.groups[index]),
            "split": split or part,
            "digest": f"{digests[index]:016x}",
        }


def name_in(root: pathlib.Path, path: str) -> str:
    """The path of a file from a folder, with `/`; absolute if it is outside."""
    root, file = (pathlib.Path(os.path.abspath(x)) for x in (root.expanduser(), path))
    return (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()
