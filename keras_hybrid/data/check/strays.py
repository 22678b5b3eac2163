"""Files of a folder that no class or split takes."""

import os
import pathlib
from collections.abc import Iterable

from keras_hybrid.data.check.finding import Finding, Severity, counted
from keras_hybrid.data.folder_layout import TABLES
from keras_hybrid.utils.found_files import FoundFiles, suffixes


def stray_findings(root: pathlib.Path, used: Iterable[str]) -> list[Finding]:
    """Images outside the classes, empty and hidden files, and files that are no images.

    Args:
        root: The folder.
        used: Paths of the images that training takes.
    """
    files = FoundFiles()
    files.add_folder(root)
    known = {os.path.normpath(path) for path in used}
    images = [x for x in files.images if os.path.normpath(x) not in known]
    others = [x for x in files.others if os.path.basename(x).casefold() not in TABLES]
    kinds: list[tuple[str, Severity, list[str], str]] = [
        (
            "stray_images",
            "warning",
            images,
            f"{counted(len(images), 'image is', 'images are')} not used: outside the "
            "class folders, in a split that is not taken, or not in labels.csv.",
        ),
        (
            "empty_files",
            "warning",
            files.empty,
            f"{counted(len(files.empty), 'file has', 'files have')} zero bytes and are "
            "left out; copy them again.",
        ),
        (
            "other_files",
            "note",
            others,
            f"{counted(len(others), 'other file', 'other files')} ({suffixes(others)})"
            ", not used; rename what is an image.",
        ),
        (
            "hidden_files",
            "note",
            files.hidden,
            f"{counted(len(files.hidden), 'entry is', 'entries are')} hidden or of a "
            "system, and left out.",
        ),
    ]
    return [
        Finding(kind, severity, said, tuple((os.path.relpath(x, root),) for x in names))
        for kind, severity, names, said in kinds
        if names
    ]
