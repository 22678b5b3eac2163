"""Files of a folder that no class or split takes."""

import os
import pathlib
from collections import Counter
from collections.abc import Iterable

from keras_hybrid.data.check.finding import Finding, counted
from keras_hybrid.data.scan_folder import is_hidden
from keras_hybrid.utils.files import IMAGE_SUFFIXES


def stray_findings(root: pathlib.Path, used: Iterable[str]) -> list[Finding]:
    """Images outside the classes, and files that are no images.

    Args:
        root: The folder.
        used: Paths of the images that training takes.
    """
    known = {os.path.normpath(path) for path in used}
    known.add(os.path.normpath(root / "labels.csv"))
    images: list[str] = []
    others: list[str] = []
    for parent, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(name for name in files if not is_hidden(name)):
            path = os.path.join(parent, name)
            if os.path.normpath(path) not in known:
                image = pathlib.PurePath(name).suffix.casefold() in IMAGE_SUFFIXES
                (images if image else others).append(os.path.relpath(path, root))
    found = []
    if images:
        message = (
            f"{counted(len(images), 'image is', 'images are')} not used: outside the "
            "class folders, in a split that is not taken, or not in labels.csv."
        )
        found.append(Finding("stray_images", "warning", message, _single(images)))
    if others:
        kinds = Counter(pathlib.PurePath(x).suffix or "no suffix" for x in others)
        message = (
            f"{counted(len(others), 'other file', 'other files')} "
            f"({', '.join(f'{n:,} {kind}' for kind, n in kinds.most_common(5))}), "
            "not used; rename what is an image."
        )
        found.append(Finding("other_files", "note", message, _single(others)))
    return found


def _single(names: list[str]) -> tuple[tuple[str, ...], ...]:
    return tuple((name,) for name in names)
