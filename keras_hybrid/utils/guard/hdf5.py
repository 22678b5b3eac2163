"""HDF5 files of weights."""

import io
import math
import pathlib
from typing import Any

from keras_hybrid.utils.guard.budget import check_budget

MOST_OBJECTS = 1_000_000


def check_hdf5(file: pathlib.Path | io.BytesIO, stored: int, name: str) -> int:
    """Refuses HDF5 files that declare more than they hold, or refer to other files.

    Args:
        file: The file.
        stored: Its bytes.
        name: What it is, for messages.

    Returns:
        Bytes of all its arrays in memory.

    Raises:
        ValueError: If it is damaged or over the budget.
    """
    import h5py  # Keras brings it

    found: list[int] = []

    def visit(place: str, item: Any) -> None:
        if len(found) > MOST_OBJECTS:
            raise ValueError(f"{name} has too many arrays")
        if not isinstance(item, h5py.Dataset):
            return
        if item.is_virtual or item.external:
            raise ValueError(f"{name}: {place} lies in another file")
        found.append(math.prod(item.shape or ()) * item.dtype.itemsize)

    try:
        with h5py.File(file, "r") as opened:
            opened.visititems(visit)
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        raise ValueError(f"{name} is damaged: {error}") from error
    check_budget(sum(found), stored, name)
    return sum(found)
