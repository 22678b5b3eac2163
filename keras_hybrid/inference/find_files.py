"""Image files from what a command line names."""

import glob
import pathlib
import sys
from collections.abc import Iterable

from keras_hybrid.data.check.finding import counted
from keras_hybrid.utils.files import find_images


def find_files(names: Iterable[str], listed: Iterable[str] = ()) -> list[pathlib.Path]:
    """The image files that names mean; none of them is opened.

    Args:
        names: Files; folders, searched with their sub-folders; glob patterns such as
            `photos/**/*.jpg`; and `-` for the names in `listed`.
        listed: Lines with a name each, e.g. `sys.stdin`. Empty lines are left out.

    Returns:
        The files in the order of the names, sorted within a folder or a pattern. A file
        that does not exist is among them.

    Raises:
        ValueError: If a folder holds no images, a pattern fits no file, or there is
            nothing at all.
    """
    found: list[pathlib.Path] = []
    for name in names:
        if name == "-":
            lines = (line.rstrip("\r\n") for line in listed)
            found += [x for line in lines if line for x in _find(line)]
        else:
            found += _find(name)
    if not found:
        raise ValueError("There are no images: give files, folders, patterns or -.")
    return found


def _find(name: str) -> list[pathlib.Path]:
    path = pathlib.Path(name)
    if path.is_dir():
        found = [x for x in find_images(path) if not x.is_dir()]
        images = set(found)
        if not found:
            raise ValueError(f"{path} holds no images.")
        others = sum(x.is_file() and x not in images for x in path.rglob("*"))
        if others:
            what = counted(others, "file is no image", "files are no images")
            print(f"{path}: {what}.", file=sys.stderr)
        return found
    if path.exists() or not glob.has_magic(name):
        return [path]
    matching = map(pathlib.Path, sorted(glob.glob(name, recursive=True)))
    found = [x for x in matching if x.is_file()]
    if not found:
        raise ValueError(f"No file fits the pattern {name}.")
    return found
