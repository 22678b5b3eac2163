"""Image files from what a command line names."""

import glob
import os
import pathlib
from collections.abc import Iterable

from keras_hybrid.utils.found_files import FoundFiles, find_images, is_hidden


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
        found = find_images(path)
        if not found:
            raise ValueError(f"{path} holds no images.")
        return found
    if path.exists() or not glob.has_magic(name):
        return [path]
    left_out = FoundFiles()
    files = []
    for match in sorted(glob.glob(name, recursive=True)):
        if os.path.isdir(match):
            continue
        if any(is_hidden(x) for x in set(pathlib.Path(match).parts) - set(path.parts)):
            left_out.hidden.append(match)
        elif not os.path.exists(match) or os.path.getsize(match):
            files.append(pathlib.Path(match))
        else:
            left_out.empty.append(match)
    left_out.say(name)
    if not files:
        raise ValueError(f"No file fits the pattern {name}.")
    return files
