"""Tiny ImageNet (Stanford CS231n): 200 classes, 100,000 + 10,000 images of 64x64."""

import io
import os
import pathlib
import zipfile
from collections.abc import Callable
from typing import BinaryIO

import numpy as np

from keras_hybrid.data.dataset import Dataset, Split
from keras_hybrid.data.download import Download
from keras_hybrid.data.image_files import Corrupt, open_files

ARCHIVE = Download(
    "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
    "md5",
    "90528d7ca1a48142e341f4ef8d21d0de",
)
FOLDER = "tiny-imagenet-200"
SIDE = 64


def load_tiny_imagenet(
    data_dir: pathlib.Path | None, image_size: int | None, corrupt: Corrupt
) -> Dataset:
    """Loads Tiny ImageNet from its archive or from the unpacked folder.

    The published validation images are the test split, because the published test
    images have no labels. Classes are in the order of their WordNet numbers and named
    by their first word.

    Args:
        data_dir: Folder with `tiny-imagenet-200.zip` or `tiny-imagenet-200/`, or the
            unpacked folder itself; otherwise the archive is downloaded into it.
        image_size: Height and width that images are resized to; None keeps 64.
        corrupt: Whether files that cannot be decoded are an error or left out.

    Raises:
        ValueError: If the archive is damaged or another file.
        FileNotFoundError: If there is neither data nor network.
    """
    for folder in (data_dir, data_dir and data_dir / FOLDER):
        if folder and (folder / "wnids.txt").is_file():
            return _read(folder, *_from_folder(folder), image_size, corrupt)
    path = ARCHIVE.in_folder(data_dir) or ARCHIVE.fetch(data_dir)
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is damaged. {ARCHIVE.advice}") from error
    # The archive stays open, because large images are decoded on demand.
    return _read(path, *_from_archive(archive), image_size, corrupt)


def _from_folder(root: pathlib.Path) -> tuple[list[str], Callable[[str], BinaryIO]]:
    """Names relative to the folder, and a function that opens a file by its name."""
    names = [
        pathlib.Path(parent, name).relative_to(root).as_posix()
        for parent, _, files in os.walk(root)
        for name in files
    ]
    return names, lambda name: open(root / name, "rb")


def _from_archive(
    archive: zipfile.ZipFile,
) -> tuple[list[str], Callable[[str], BinaryIO]]:
    prefix = FOLDER + "/"
    names = [n.removeprefix(prefix) for n in archive.namelist() if n.startswith(prefix)]
    return names, lambda name: io.BytesIO(archive.read(prefix + name))


def _read(
    where: pathlib.Path,
    names: list[str],
    opener: Callable[[str], BinaryIO],
    image_size: int | None,
    corrupt: Corrupt,
) -> Dataset:
    def lines(name: str) -> list[list[str]]:
        with opener(name) as file:
            return [line.split("\t") for line in file.read().decode().splitlines()]

    try:
        wnids = sorted(line[0].strip() for line in lines("wnids.txt") if line[0])
        words = dict(line[:2] for line in lines("words.txt"))
        val_wnids = {line[0]: line[1] for line in lines("val/val_annotations.txt")}
        number = {wnid: i for i, wnid in enumerate(wnids)}
        listed = sorted(
            (split, number[wnid], name)
            for name in names
            if name.endswith(".JPEG") and (split := name.split("/")[0]) != "test"
            for wnid in [
                name.split("/")[1]
                if split == "train"
                else val_wnids[name.split("/")[-1]]
            ]
        )
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(
            f"{where} is incomplete or not Tiny ImageNet ({error}). {ARCHIVE.advice}"
        ) from error
    images, kept = open_files(
        [name for _, _, name in listed], opener, image_size or SIDE, corrupt
    )
    listed = [listed[index] for index in kept]
    every = Split(images, np.array([label for _, label, _ in listed], dtype="int64"))
    train, test = (
        every.select(np.flatnonzero([s == split for s, _, _ in listed]))
        for split in ("train", "val")
    )
    return Dataset("tiny_imagenet", train, test, _names(wnids, words))


def _names(wnids: list[str], words: dict[str, str]) -> tuple[str, ...]:
    """The first word of each class; all its words if another class shares it."""
    first = [words.get(wnid, wnid).split(",")[0] for wnid in wnids]
    return tuple(
        name if first.count(name) == 1 else words[wnid]
        for name, wnid in zip(first, wnids, strict=True)
    )
