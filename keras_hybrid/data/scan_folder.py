"""Finds the image files of a folder, with their classes and splits."""

import csv
import os
import pathlib
import re
from collections import Counter
from typing import NamedTuple

from keras_hybrid.utils.files import IMAGE_SUFFIXES

TEST_NAMES = ("test", "val", "valid", "validation")
"""Names of a test split; the first that exists is the test split."""


class ImageRecord(NamedTuple):
    """An image file.

    Attributes:
        path: The file.
        label: Name of its class.
        split: `"train"`, `"test"`, or None where the folder has no split.
    """

    path: str
    label: str
    split: str | None


def list_images(root: pathlib.Path) -> tuple[list[ImageRecord], str]:
    """Finds the images of `root`, by `labels.csv` or by sub-folders.

    Returns:
        The files, in an order that depends only on their names; and a description of
        what was found.

    Raises:
        ValueError: If the folder has another layout.
        FileNotFoundError: If `labels.csv` names files that do not exist.
    """
    if (root / "labels.csv").is_file():
        return _from_csv(root / "labels.csv")
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


def _from_csv(path: pathlib.Path) -> tuple[list[ImageRecord], str]:
    """Rows of file,label[,split]; files are relative to the folder of the table."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        header = file.readline()
        file.seek(0)
        delimiter = max(",;\t", key=header.count)
        rows = csv.DictReader(file, delimiter=delimiter, skipinitialspace=True)
        missing = {"file", "label"} - set(rows.fieldnames or ())
        if missing:
            raise ValueError(
                f"{path} lacks the column {' and '.join(sorted(missing))}; its first "
                "line must be file,label or file,label,split."
            )
        listed = [_row(path, rows.line_num, row) for row in rows]
    twice = [name for name, n in Counter(i.path for i in listed).items() if n > 1]
    if twice:
        raise ValueError(f"{path} lists {twice[0]} more than once.")
    absent = [image.path for image in listed if not os.path.isfile(image.path)]
    if absent:
        raise FileNotFoundError(
            f"{path} lists {len(absent)} files that are not there, "
            f"e.g. {', '.join(absent[:3])}."
        )
    if "split" not in (rows.fieldnames or ()):
        return listed, "labels.csv, no split given"
    test = next((n for n in TEST_NAMES if n in {i.split for i in listed}), None)
    if test is None:
        return [i._replace(split=None) for i in listed], "labels.csv, no split given"
    kept = {"train": "train", test: "test"}
    chosen = [i._replace(split=kept[i.split]) for i in listed if i.split in kept]
    return chosen, f"labels.csv, splits train and {test}"


def _row(path: pathlib.Path, line: int, row: dict[str, str]) -> ImageRecord:
    name, label = (row["file"] or "").strip(), (row["label"] or "").strip()
    if not name or not label:
        raise ValueError(f"{path}, line {line}: file and label must not be empty.")
    split = None
    if "split" in row:
        split = (row["split"] or "").strip().casefold()
        if split not in ("train", *TEST_NAMES):
            raise ValueError(
                f"{path}, line {line}: split must be train, test or validation, not "
                f"{row['split']!r}."
            )
    return ImageRecord(str(path.parent / name), label, split)
