"""Images in a tar shard, as WebDataset writes them."""

import tarfile
from collections.abc import Iterator

from keras_hybrid.utils.files import IMAGE_SUFFIXES

LARGEST = 2**30
"""Bytes of an image file that are read at most."""


def read_shard(name: str) -> Iterator[tuple[str, bytes | ValueError]]:
    """The images of a tar file in their order; its other entries are passed over.

    Yields:
        `SHARD#ENTRY` and the content. Where the file is damaged the last item has the
        name of the shard, and the error.
    """
    try:
        with tarfile.open(name, "r|*") as shard:
            for entry in shard:
                if not entry.isfile() or not _is_image(entry.name):
                    continue
                row = f"{name}#{entry.name}"
                if entry.size > LARGEST:
                    yield row, ValueError(f"It has {entry.size:,} bytes, too many.")
                    continue
                content = shard.extractfile(entry)
                yield row, content.read() if content else b""
    except (tarfile.TarError, OSError, EOFError) as error:
        yield name, ValueError(f"The shard cannot be read from here on: {error}")


def _is_image(name: str) -> bool:
    return name.casefold().endswith(IMAGE_SUFFIXES)
