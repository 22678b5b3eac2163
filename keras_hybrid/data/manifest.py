"""`manifest.csv`: the file, class, group and split of every image of a run."""

import os
import pathlib
from collections.abc import Iterator, Mapping

import numpy as np

from keras_hybrid.data.dataset import Dataset
from keras_hybrid.utils.csv_rows import write_csv

FILE = "manifest.csv"
COLUMNS = ("path", "label", "group", "split")


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


def _rows(
    dataset: Dataset,
    part: str,
    indices: np.ndarray,
    root: pathlib.Path,
    split: str = "",
) -> Iterator[Mapping[str, object]]:
    source = getattr(dataset, part)
    root = root.expanduser().resolve()
    for index in indices:
        file = pathlib.Path(os.path.abspath(source.paths[index]))
        inside = file.is_relative_to(root)
        yield {
            "path": (file.relative_to(root) if inside else file).as_posix(),
            "label": dataset.class_names[source.labels[index]],
            "group": "" if source.groups is None else int(source.groups[index]),
            "split": split or part,
        }
