"""Published checkpoints: a table of where each is and what its network was trained on.

The rows of this package stand in `checkpoints.csv`.
"""

import csv
import dataclasses
import difflib
import functools
import pathlib
from typing import Any

from keras_hybrid.models.family import Preprocessing
from keras_hybrid.utils.files import write_atomically

TABLE = pathlib.Path(__file__).with_name("checkpoints.csv")
_PIN = ("revision", "sha256", "bytes")


@dataclasses.dataclass(frozen=True)
class Published:
    """A published checkpoint.

    Attributes:
        variant: Name of the model, as in `list_models()`.
        name: What `weights=` takes.
        repository: `owner/name` on the Hugging Face hub, or an `https://` address.
        file: The file in the repository; "" if it has no stable address.
        image_size: Height and width that it was trained at.
        classes: Classes of its classifier.
        preprocessing: What its network was trained with.
        revision: Commit on the hub; "" for the newest.
        sha256: SHA-256 of the file, in hexadecimal; "" if it is not known.
        bytes: Size of the file; 0 if it is not known.
        licence: SPDX name of its licence; "" if none is stated.
        top1: Published accuracy on ImageNet-1k in percent; None if there is none.
    """

    variant: str
    name: str
    repository: str
    file: str
    image_size: tuple[int, int]
    classes: int
    preprocessing: Preprocessing
    revision: str = ""
    sha256: str = ""
    bytes: int = 0
    licence: str = ""
    top1: float | None = None


_ADDED: dict[str, Published] = {}


def register_published(checkpoint: Published) -> Published:
    """Adds a published checkpoint, so that `weights=` takes its name.

    It replaces an earlier one of the same name.

    Args:
        checkpoint: The checkpoint.

    Returns:
        The checkpoint.
    """
    _ADDED[checkpoint.name] = checkpoint
    return checkpoint


def list_published(variant: str | None = None) -> list[Published]:
    """The published checkpoints of a variant, its default first; None for all."""
    rows = {row.name: row for row in _read(TABLE)} | _ADDED
    return [row for row in rows.values() if variant in (None, row.variant)]


def published(name: str) -> Published:
    """The published checkpoint of that name.

    Raises:
        ValueError: If there is none; the message names the nearest ones.
    """
    rows = {row.name: row for row in list_published()}
    if name in rows:
        return rows[name]
    near = difflib.get_close_matches(name, rows, 3, 0.4)
    raise ValueError(
        f"{name} is neither a file nor a published checkpoint. Nearest: "
        f"{', '.join(near or rows)}. Any repository of the Hugging Face hub is "
        f"'hf://owner/name'."
    )


def write_pin(name: str, revision: str, sha256: str, size: int) -> None:
    """Writes revision, SHA-256 and size of a checkpoint into this package's table.

    Raises:
        OSError: If the table cannot be written, as in a read-only installation.
        ValueError: If the table has no such row.
    """
    with open(TABLE, newline="") as file:
        rows = list(csv.DictReader(file))
    if name not in [row["name"] for row in rows]:
        raise ValueError(f"{TABLE.name} has no row {name}.")
    for row in rows:
        if row["name"] == name:
            row |= dict(zip(_PIN, (revision, sha256, str(size)), strict=True))

    def write(path: pathlib.Path) -> None:
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    write_atomically(TABLE, write)
    _read.cache_clear()


@functools.cache
def _read(table: pathlib.Path) -> tuple[Published, ...]:
    with open(table, newline="") as file:
        return tuple(map(_row, csv.DictReader(file)))


def _row(cells: dict[str, Any]) -> Published:
    def numbers(text: str) -> tuple[float, ...]:
        return tuple(map(float, text.split()))

    take = ("variant", "name", "repository", "file", "revision", "sha256", "licence")
    return Published(
        **{key: cells[key] for key in take},
        image_size=(int(cells["height"]), int(cells["width"])),
        classes=int(cells["classes"]),
        bytes=int(cells["bytes"] or 0),
        top1=float(cells["top1"]) if cells["top1"] else None,
        preprocessing=Preprocessing(
            mean=numbers(cells["mean"]),
            std=numbers(cells["std"]),
            crop=float(cells["crop"]),
            interpolation=cells["interpolation"],
            fit=cells["fit"],
        ),
    )
