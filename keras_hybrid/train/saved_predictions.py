"""`test_predictions.npz`: what a trained model answered for each test image."""

import dataclasses
import functools
import pathlib
from typing import Any

import numpy as np

from keras_hybrid.data import Dataset
from keras_hybrid.utils.files import write_atomically
from keras_hybrid.utils.guard import open_arrays

FILE = "test_predictions.npz"


@dataclasses.dataclass(frozen=True)
class SavedPredictions:
    """Predictions of a run for its test images, in their order.

    Attributes:
        outputs: Probabilities, or numbers of a regression, float32 `(N, outputs)`.
        labels: As in `Split.labels`.
        digests: A hash of each image, uint64 `(N,)`, see `Dataset.image_digests`.
        groups: Group numbers `(N,)`; None without groups.
    """

    outputs: np.ndarray
    labels: np.ndarray
    digests: np.ndarray
    groups: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, indices: np.ndarray) -> "SavedPredictions":
        """Those of the images at these indices, in this order."""
        groups = None if self.groups is None else self.groups[indices]
        rows = self.outputs[indices], self.labels[indices], self.digests[indices]
        return SavedPredictions(*rows, groups)


def save_predictions(
    directory: pathlib.Path, dataset: Dataset, outputs: np.ndarray
) -> None:
    """Writes the file.

    Args:
        directory: The folder of the run.
        dataset: The images.
        outputs: Predictions for the test images, `(N, outputs)`.
    """
    test = dataset.test
    arrays: dict[str, Any] = {
        "outputs": outputs.astype("float32"),
        "labels": np.asarray(test.labels),
        "digests": dataset.image_digests()[1],
    }
    if test.groups is not None:
        arrays["groups"] = np.asarray(test.groups, "int64")
    write = functools.partial(np.savez_compressed, **arrays)
    write_atomically(directory / FILE, write)


def read_predictions(directory: pathlib.Path) -> SavedPredictions:
    """Reads the file.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged.
    """
    path = directory / FILE
    with open_arrays(path) as arrays:
        try:
            names = "outputs", "labels", "digests"
            outputs, labels, digests = (arrays[name] for name in names)
            groups = arrays.get("groups")
        except KeyError as error:
            raise ValueError(f"{path} is damaged: {error.args[0]}") from error
    rows = {len(x) for x in (outputs, labels, digests, groups) if x is not None}
    if len(rows) != 1 or outputs.ndim != 2 or not _fit(labels, outputs.shape[1]):
        raise ValueError(f"{path} is damaged: its arrays do not go together.")
    return SavedPredictions(outputs, labels, digests, groups)


def _fit(labels: np.ndarray, outputs: int) -> bool:
    """Whether labels are numbers of so many classes, or a number for each output."""
    if labels.ndim == 1:
        return labels.dtype.kind in "iu" and bool(
            ((labels >= 0) & (labels < outputs)).all()
        )
    return labels.ndim == 2 and labels.shape[1] == outputs
