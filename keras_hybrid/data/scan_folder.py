"""Finds the image files of a folder, with their classes and splits."""

import os
import pathlib
import re
from collections import Counter

from keras_hybrid.data.read_table import TEST_NAMES, ImageRecord, read_table
from keras_hybrid.utils.files import IMAGE_SUFFIXES


def list_images(
    root: pathlib.Path, manifest: str | pathlib.Path | None = None
) -> tuple[list[ImageRecord], str]:
    """Finds the images of `root`, by a table or by sub-folders.

    Args:
        root: The folder.
        manifest: The table, whose paths are relative to `root`; None means the
            folder's `labels.csv`, if it has one.

    Returns:
        The files, in an order that depends only on their names; and a description of
        what was found.

    Raises:
        ValueError: If the folder has another layout.
        FileNotFoundError: If there is no such table, or it names files that do not
            exist.
    """
    if manifest is not None:
        return read_table(pathlib.Path(manifest).expanduser(), root)
    if (root / "labels.csv").is_file():
        return read_table(root / "labels.csv", root)
    splits = _split_folders(root)
    if not splits:
        listed, left = _from_classes(root, None)
        return listed, "no split given" + left
    train, left = _from_classes(splits["train"], "train")
    if "test" not in splits:
        return [image._replace(split=None) for image in train], "no split given" + left
    test, left_too = _from_classes(splits["test"], "test")
    where = f"folders {splits['train'].name} and {splits['test'].name}"
    return train + test, where + (left or left_too)


def natural(text: str) -> list[tuple[int, str]]:
    """Key for natural order: "class 2" comes before "class 10"."""
    parts = re.split(r"(\d+)", text.casefold())
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts] + [(-1, text)]


def _folders(root: pathlib.Path) -> list[pathlib.Path]:
    found = (path for path in root.iterdir() if path.is_dir())
    return sorted((p for p in found if not is_hidden(p.name)), key=lambda p: p.name)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is passed over."""
    return name.startswith(".") or name == "__MACOSX"


def _split_folders(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """The folders of the splits; empty if the folders of `root` are classes."""
    folders = {path.name.casefold(): path for path in _folders(root)}
    test = next((folders[name] for name in TEST_NAMES if name in folders), None)
    if "train" in folders and test:
        return {"train": folders["train"], "test": test}
    return {"train": folders["train"]} if set(folders) == {"train"} else {}


def _from_classes(
    root: pathlib.Path, split: str | None
) -> tuple[list[ImageRecord], str]:
    """Images in one sub-folder per class, at any depth."""
    listed: list[ImageRecord] = []
    others: Counter[str] = Counter()
    for folder in _folders(root):
        before = len(listed)
        for parent, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if not is_hidden(name))
            for name in sorted(name for name in files if not is_hidden(name)):
                suffix = pathlib.PurePath(name).suffix.casefold()
                if suffix in IMAGE_SUFFIXES:
                    path = os.path.join(parent, name)
                    listed.append(ImageRecord(path, folder.name, split))
                else:
                    others[suffix or "no suffix"] += 1
        if len(listed) == before:
            found = ", ".join(f"{n} {suffix}" for suffix, n in others.items())
            raise ValueError(
                f"{folder} holds no image{f' (but {found})' if found else ''}; add "
                "images or remove the folder."
            )
    if not listed:
        loose = any(path.suffix.casefold() in IMAGE_SUFFIXES for path in root.iterdir())
        what = "images, but none in a sub-folder" if loose else "no images"
        raise ValueError(
            f"{root} holds {what}: make one sub-folder per class, or write a "
            "labels.csv with the columns file,label."
        )
    left = ", ".join(f"{n} {suffix}" for suffix, n in sorted(others.items()))
    return listed, f"; other files: {left}" if left else ""
