"""What the paths of a command mean: image files, tar shards and Parquet tables."""

import os
import pathlib
from collections.abc import Iterable

from keras_hybrid.inference.find_files import find_files
from keras_hybrid.utils.found_files import FoundFiles

TARS = (".tar", ".tar.gz", ".tgz")
"""How names of WebDataset shards end."""
TABLES = (".parquet",)
"""How names of tables end."""


def find_sources(
    names: Iterable[str], listed: Iterable[str], out: pathlib.Path
) -> list[str]:
    """The files that names mean, absolute, each of them once; none is opened.

    Args:
        names: As for `find_files`; folders may also hold tar shards and tables.
        listed: As for `find_files`.
        out: A folder whose files are left out, because they are predictions.

    Returns:
        The files in the order of the names, sorted within a folder or a pattern.

    Raises:
        ValueError: If a folder holds nothing to read, a pattern fits no file, or there
            is nothing at all.
    """
    found: list[str] = []
    folder = os.path.join(os.path.abspath(out), "")
    for name in names:
        files = _in_folder(name) if os.path.isdir(name) else find_files([name], listed)
        found += [os.path.abspath(x) for x in files]
    kept = dict.fromkeys(x for x in found if not x.startswith(folder))
    if not kept:
        raise ValueError("There are no images: give files, folders, patterns or -.")
    return list(kept)


def _in_folder(name: str) -> list[str]:
    found = FoundFiles()
    found.add_folder(name)
    shards = [x for x in found.others if x.casefold().endswith((*TARS, *TABLES))]
    found.others = sorted(set(found.others) - set(shards))
    found.say(name)
    if not found.images and not shards:
        raise ValueError(f"{name} holds no images, tar shards or Parquet tables.")
    return sorted(map(str, map(pathlib.Path, found.images + shards)))
