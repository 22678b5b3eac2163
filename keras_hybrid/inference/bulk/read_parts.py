"""The images of a part, whatever it is."""

from collections.abc import Iterator

from keras_hybrid.inference.bulk.parts import Part
from keras_hybrid.inference.bulk.tables import read_rows
from keras_hybrid.inference.bulk.tar_shards import read_shard


def read_part(
    part: Part, column: str
) -> Iterator[tuple[str, str | bytes | ValueError]]:
    """The name of each image of a part, and its path, its content, or an error.

    Args:
        part: The part.
        column: Name of the column of a table with its images.
    """
    (name, *_) = part.names
    if part.kind == "images":
        yield from ((file, file) for file in part.names)
    elif part.kind == "tar":
        yield from read_shard(name)
    else:
        rows = read_rows(name, column, part.group, part.start, part.stop)
        for row, image in rows:
            yield row, ValueError("The row has no image.") if image is None else image
