"""Arrays of `.npz` files."""

import contextlib
import math
import pathlib
import zipfile
from collections.abc import Iterator
from typing import IO

import numpy as np

from keras_hybrid.utils.guard.zip_files import open_zip


@contextlib.contextmanager
def open_arrays(path: pathlib.Path) -> Iterator[np.lib.npyio.NpzFile]:
    """Opens a `.npz` file after all its arrays' headers are checked.

    Within the block, errors of reading name the file, too.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, holds Python objects, or an array's shape does not
            go with its bytes.
    """
    with open_zip(path) as archive:
        try:
            for member in archive.infolist():
                with archive.open(member) as file:
                    _check_header(file, member.file_size)
        except Exception as error:  # zipfile and NumPy raise many kinds
            raise ValueError(
                f"{path} is damaged: {member.filename}: {error}"
            ) from error
    with np.load(path, allow_pickle=False) as arrays:
        try:
            yield arrays
        except (zipfile.BadZipFile, EOFError) as error:
            raise ValueError(f"{path} is damaged: {error}") from error


def _check_header(file: IO[bytes], size: int) -> None:
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"it is an array of version {version}")
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if file.tell() + math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"{dtype} {shape} does not go with its {size:,} bytes")
