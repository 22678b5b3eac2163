"""Images in a column of a Parquet table: paths, or contents of files."""

import os
from collections.abc import Iterator
from typing import Any

from keras_hybrid.utils.errors import first_line

_ROWS = 32
"""Rows in memory at a time."""


def rows_of_groups(name: str, column: str) -> list[int]:
    """Number of rows of each row group of a table.

    Raises:
        ValueError: If it cannot be read, or its column holds no images.
    """
    file = _opened(name)
    schema = file.schema_arrow
    if column not in schema.names:
        raise ValueError(
            f"{name} has no column {column!r}; --column names that with the images, of "
            f"{', '.join(schema.names)}."
        )
    if not _may_hold_images(schema.field(column).type):
        raise ValueError(
            f"The column {column!r} of {name} holds {schema.field(column).type}, "
            "neither paths nor contents of image files."
        )
    groups = range(file.metadata.num_row_groups)
    return [file.metadata.row_group(i).num_rows for i in groups]


def read_rows(
    name: str, column: str, group: int, start: int, stop: int
) -> Iterator[tuple[str, str | bytes | None]]:
    """The name and the image of rows of a row group, in their order.

    Args:
        name: The table.
        column: Its column with paths, relative to the table's folder, or contents of
            files; or with both, `{bytes, path}`, as the package datasets writes them.
        group: Number of the row group, from 0.
        start: First row within the group.
        stop: The row after the last one.

    Yields:
        The path, or `TABLE#ROW` of an image that has no file; and the path or the
        content, None of a row without an image.

    Raises:
        ValueError: If the table cannot be read.
    """
    file = _opened(name)
    before = sum(file.metadata.row_group(i).num_rows for i in range(group))
    at = 0
    for batch in file.iter_batches(_ROWS, row_groups=[group], columns=[column]):
        first, last = max(start - at, 0), min(stop - at, len(batch))
        for i in range(first, last):
            image = _image(batch.column(0)[i].as_py(), os.path.dirname(name))
            row = f"{name}#{before + at + i}"
            yield (image if isinstance(image, str) else row), image
        at += len(batch)
        if at >= stop:
            return


def _opened(name: str) -> Any:
    from pyarrow import ArrowException, parquet

    try:
        return parquet.ParquetFile(name)
    except ArrowException as error:
        raise ValueError(
            f"{name} is damaged or no Parquet table: {first_line(error)}"
        ) from error


def _may_hold_images(type: Any) -> bool:
    from pyarrow import types

    if types.is_struct(type):
        return any(field.name == "bytes" for field in type)
    text = types.is_string(type) or types.is_large_string(type)
    return text or types.is_binary(type) or types.is_large_binary(type)


def _image(value: Any, folder: str) -> str | bytes | None:
    if isinstance(value, dict):
        content = value.get("bytes")
        value = value.get("path") if content is None else content
    return os.path.join(folder, value) if isinstance(value, str) else value
