"""The published file of Galaxy10 DECaLS: its address, layout and test split."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_hybrid.data.download import Download
from keras_hybrid.data.labels import class_numbers
from keras_hybrid.data.progress_bar import in_chunks
from keras_hybrid.data.splits import stratified_split
from keras_hybrid.utils.optional import require

FILE = Download(
    "https://zenodo.org/records/10845026/files/Galaxy10_DECals.h5",
    "sha256",
    "19aefc477c41bb7f77ff07599a6b82a038dc042f889a111b0d4d98bb755c1571",
)
CLASS_NAMES = (
    "disturbed",
    "merging",
    "round smooth",
    "in-between round smooth",
    "cigar-shaped smooth",
    "barred spiral",
    "unbarred tight spiral",
    "unbarred loose spiral",
    "edge-on without bulge",
    "edge-on with bulge",
)
CHUNK = 64
"""Number of images (192 KiB each) per read from the file."""


def split_indices(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the test split (a stratified tenth, seed 0) and training split."""
    return stratified_split(labels, 0.1, seed=0)


def require_h5py() -> None:
    """Checks that the file can be read, for a caller that has to download it first.

    Raises:
        ImportError: If h5py is missing.
    """
    require("h5py", extra="galaxy10", what="galaxy10")


def read_labels(path: pathlib.Path) -> np.ndarray:
    """Class numbers `(N,)` of the file's images.

    Raises:
        ValueError: If the file is damaged or another one.
    """
    with _opened(path) as file:
        return class_numbers(file["ans"][:], len(CLASS_NAMES))


def read_images(path: pathlib.Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields indices and uint8 images `(n, 256, 256, 3)`, `CHUNK` at a time."""
    with _opened(path) as file:
        count = len(file["images"])
        for indices in in_chunks(count, "Reading galaxies", CHUNK):
            yield indices, file["images"][indices[0] : indices[-1] + 1]


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Iterator[Any]:
    """Opens the HDF5 file and checks that it has the published layout."""
    require_h5py()
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(
            f"{path} is truncated or no HDF5 file. {FILE.advice}"
        ) from error
    with file:
        images, labels = file.get("images"), file.get("ans")
        if (
            images is None
            or labels is None
            or images.ndim != 4
            or images.shape[3:] != (3,)
            or images.dtype != np.uint8
            or labels.shape != images.shape[:1]
            or not np.isin(np.arange(10), labels[:]).all()
        ):
            raise ValueError(f"{path} is not Galaxy10 DECaLS. {FILE.advice}")
        yield file
