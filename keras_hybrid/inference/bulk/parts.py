"""Parts of the input, each of which becomes one file of predictions."""

import dataclasses
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from keras_hybrid.inference.bulk.sources import TABLES, TARS
from keras_hybrid.inference.bulk.tables import rows_of_groups


@dataclasses.dataclass(frozen=True)
class Part:
    """Some images: files, a tar shard, or rows of a table.

    Attributes:
        kind: What it is.
        names: The image files; or the one shard or table.
        stamp: Size in bytes and time of the last change in ns, of a shard or table.
        group: Row group of a table, from 0.
        start: First row within the group.
        stop: The row after its last one.
    """

    kind: Literal["images", "tar", "table"]
    names: tuple[str, ...]
    stamp: tuple[int, int] | None = None
    group: int = 0
    start: int = 0
    stop: int = 0

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Part":
        """The part that `dataclasses.asdict` described, once through JSON."""
        stamp = facts["stamp"]
        changed = {"names": tuple(facts["names"]), "stamp": stamp and tuple(stamp)}
        return cls(**{**facts, **changed})


def divide(names: Sequence[str], size: int, column: str) -> list[Part]:
    """Parts of the files, in their order.

    Args:
        names: Image files, tar shards and tables.
        size: Most images of a part of files or rows. A tar shard is one part, because
            it is read from its beginning.
        column: Name of the column of a table with its images.

    Raises:
        ValueError: If a table cannot be read, or has no such column.
        FileNotFoundError: If a shard or a table is not there.
    """
    parts: list[Part] = []
    for kind, group in itertools.groupby(names, _kind):
        if kind == "images":
            files = tuple(group)
            ends = range(0, len(files), size)
            parts += [Part(kind, files[i : i + size]) for i in ends]
            continue
        for name in group:
            if kind == "tar":
                parts.append(Part(kind, (name,), stamp(name)))
            else:
                parts += _of_table(name, size, column)
    return parts


def _of_table(name: str, size: int, column: str) -> Iterator[Part]:
    changed = stamp(name)
    for group, rows in enumerate(rows_of_groups(name, column)):
        for start in range(0, rows, size):
            stop = min(start + size, rows)
            yield Part("table", (name,), changed, group, start, stop)


def stamp(name: str) -> tuple[int, int]:
    """Size in bytes and time of the last change in ns; of a file that is there."""
    status = os.stat(name)
    return status.st_size, status.st_mtime_ns


def _kind(name: str) -> Literal["images", "tar", "table"]:
    if name.casefold().endswith(TARS):
        return "tar"
    return "table" if name.casefold().endswith(TABLES) else "images"
