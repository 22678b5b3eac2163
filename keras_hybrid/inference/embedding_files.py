"""Features of images as a file: NumPy's NPZ, or Parquet."""

import pathlib
from collections.abc import Callable

import numpy as np

from keras_hybrid.inference.embed import Embeddings
from keras_hybrid.utils.files import write_atomically
from keras_hybrid.utils.optional import require

EXTRA = "embeddings"


def write_npz(embeddings: Embeddings, path: pathlib.Path) -> None:
    """Writes the arrays `path`, `label`, `prediction` and `features`, without pickles.

    Args:
        embeddings: What `embed` returned.
        path: The file.
    """

    def write(part: pathlib.Path) -> None:
        np.savez_compressed(
            part,
            path=np.array([str(x) for x in embeddings.paths]),
            label=np.array(embeddings.labels),
            prediction=np.array(embeddings.predictions),
            features=embeddings.features,
        )

    write_atomically(path, write)


def write_parquet(embeddings: Embeddings, path: pathlib.Path) -> None:
    """Writes the columns `path`, `label`, `prediction` and the list `features`.

    Args:
        embeddings: What `embed` returned.
        path: The file.

    Raises:
        ImportError: If pyarrow is missing.
    """
    require_format(path.suffix)
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table(
        {
            "path": [str(x) for x in embeddings.paths],
            "label": embeddings.labels,
            "prediction": embeddings.predictions,
            "features": list(embeddings.features),
        }
    )
    write_atomically(path, lambda part: parquet.write_table(table, part))


WRITERS: dict[str, Callable[[Embeddings, pathlib.Path], None]] = {
    ".npz": write_npz,
    ".parquet": write_parquet,
}
"""Functions that write embeddings, by the suffix of the file."""


def require_format(suffix: str) -> None:
    """Raises ImportError if the package that writes a file is missing."""
    if suffix == ".parquet":
        require("pyarrow", extra=EXTRA, what="Parquet")
