"""The optional packages that fetch and read a checkpoint."""

import pathlib

from keras_hybrid.utils.optional import is_installed, require
from keras_hybrid.weights.source import SUFFIXES
from keras_hybrid.weights.table import Published, list_published

IMAGENET = "imagenet"
"""The text of `weights=` that means the first published checkpoint of a variant."""


def require_hub() -> None:
    """Checks that the client of the Hugging Face hub is there.

    Raises:
        ImportError: If it is missing.
    """
    require("huggingface_hub", extra="hub", what="The Hugging Face hub")


def require_reader(file: str) -> None:
    """Checks that a file of weights can be read, by its name alone.

    Raises:
        ImportError: If the package that reads it is missing.
    """
    for package, extra in _reader(file):
        require(package, extra=extra, what=pathlib.PurePath(file).name)


def is_readable(file: str) -> bool:
    """Whether `require_reader` finds the package that reads a file."""
    return all(is_installed(package) for package, _ in _reader(file))


def require_for_weights(weights: str, variant: str) -> None:
    """Checks all that `weights=` needs, before anything is downloaded or built.

    Args:
        weights: As in a builder.
        variant: Name of the model.

    Raises:
        ImportError: If a package is missing; one line names the extra.
    """
    if weights == IMAGENET:
        rows = list_published(variant)[:1]
    else:
        rows = [row for row in list_published() if row.name == weights]
    for row in rows:
        require_for_published(row)
    if weights.startswith("hf://"):
        require_hub()
    elif not rows:
        require_reader(weights)


def require_for_published(row: Published) -> None:
    """Checks that a published checkpoint can be fetched and read.

    Raises:
        ImportError: If a package is missing; one line names the extra.
    """
    if not row.repository.startswith("https://"):
        require_hub()
    require_reader(row.file)


def _reader(file: str) -> list[tuple[str, str]]:
    """Package and extra, none for a file that needs none."""
    if file.endswith((".safetensors", ".safetensors.index.json")):
        return [("safetensors", "weights")]
    suffix = pathlib.PurePath(file).suffix
    return [("torch", "torch")] if suffix in SUFFIXES and suffix != ".json" else []
