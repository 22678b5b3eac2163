"""Finds the image files of a folder, with their classes and splits."""

import os
import pathlib
import re
from collections.abc import Collection, Iterable

from keras_hybrid.data.folder_layout import (
    Level,
    check_parts,
    find_splits,
    find_table,
    inner_level,
    look_into,
    split_levels,
    splits_of_classes,
)
from keras_hybrid.data.read_table import (
    NO_SPLIT,
    FolderScan,
    ImageRecord,
    read_table,
    settle_splits,
)
from keras_hybrid.data.split_names import joined
from keras_hybrid.utils.found_files import FoundFiles, suffixes
from keras_hybrid.utils.names import label_name

_DICOM = "DICOM is not read: convert it to 16-bit PNG or TIFF, or "


def list_images(
    root: pathlib.Path,
    manifest: str | pathlib.Path | None = None,
    classes: Collection[str] = (),
) -> FolderScan:
    """Finds the images of `root`, by a table or by sub-folders.

    A folder that holds nothing but one folder of these is looked into. What is hidden,
    of a system or empty is left out. Links to folders are followed.

    Args:
        root: The folder.
        manifest: The table, whose paths are relative to `root`; None means the
            folder's `labels.csv`, if it has one.
        classes: Names of the classes, if they are known.

    Raises:
        ValueError: If the folder has another layout, or may have two.
        FileNotFoundError: If there is no such table, or it names files that do not
            exist.
    """
    if manifest is not None:
        return _by_table(pathlib.Path(manifest).expanduser(), root)
    found = FoundFiles()
    level = inner_level(look_into(root, found), found, classes)
    if table := find_table(level):
        return _by_table(table, level.root)
    outside = list(level.images)
    if splits := find_splits(level):
        where = [folder.relative_to(root).as_posix() for folder in splits.values()]
        layout = f"folders {joined(where)}"
        unused = [x.name for x in level.folders if x not in splits.values()]
        levels = split_levels(splits, found)
        for inner in levels.values():
            check_parts(inner, classes)
        outside += [x for inner in levels.values() for x in inner.images]
        listed = [x for s, inner in levels.items() for x in _classes(inner, s, found)]
    elif of_classes := splits_of_classes(level):
        layout, unused = "splits in the folder of each class", []
        outside += [x for y in level.folders for x in look_into(y).images]
        listed = _by_class(of_classes, found)
    else:
        inside = level.root.relative_to(root).as_posix()
        layout = NO_SPLIT if inside == "." else f"folder {inside}, {NO_SPLIT}"
        unused = []
        check_parts(level, classes)
        listed = _classes(level, None, found)
    listed = settle_splits(listed)
    return FolderScan(listed, layout, _left_out(found, outside, unused))


def _by_table(table: pathlib.Path, root: pathlib.Path) -> FolderScan:
    """The images of a table; how many others the folder has is said."""
    scan, inside = read_table(table, root), FoundFiles()
    inside.add_folder(root)
    listed = {os.path.abspath(image.path) for image in scan.images}
    others = sum(os.path.abspath(path) not in listed for path in inside.images)
    said = [f"{others:,} images not in {table.name}"] if others else []
    return scan._replace(left_out=", ".join(filter(None, [*said, scan.left_out])))


def natural(text: str) -> list[tuple[int, str]]:
    """Key for natural order: "class 2" comes before "class 10"."""
    parts = re.split(r"(\d+)", text.casefold())
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts] + [(-1, text)]


def class_name(folder: pathlib.Path) -> str:
    """The class of the images in a folder, see `label_name`."""
    return label_name(folder.name)


def _classes(level: Level, split: str | None, found: FoundFiles) -> list[ImageRecord]:
    """Images in one sub-folder per class, at any depth."""
    listed: list[ImageRecord] = []
    named: dict[str, pathlib.Path] = {}
    for folder in level.folders:
        name = class_name(folder)
        if (other := named.setdefault(name, folder)) != folder:
            raise ValueError(
                f"{str(other)!r} and {str(folder)!r} differ in blanks, or in how an "
                "accent is encoded, alone; rename one."
            )
        listed += _of_class(folder, name, split, found)
    if not listed:
        what = "images, but none in a sub-folder" if level.images else "no images"
        raise ValueError(
            f"{level.root} holds {what}: make one sub-folder per class, or write a "
            f"labels.csv with the columns file,label{_or_leave_out(level, split)}."
        )
    return listed


def _or_leave_out(level: Level, split: str | None) -> str:
    """The other cure, of images without classes in a split."""
    if split in (None, "train") or not level.images:
        return ""
    return f"; or remove the split {level.root.name}, whose images have no class"


def _by_class(
    of_classes: dict[str, dict[str, pathlib.Path]], found: FoundFiles
) -> list[ImageRecord]:
    """Images in folders such as `cat/train`."""
    return [
        record
        for name, splits in of_classes.items()
        for split, folder in splits.items()
        for record in _of_class(folder, label_name(name), split, found)
    ]


def _of_class(
    folder: pathlib.Path, name: str, split: str | None, found: FoundFiles
) -> list[ImageRecord]:
    inside = FoundFiles()
    inside.add_folder(folder)
    if not inside.images:
        but = inside.left_out()
        raise ValueError(
            f"{folder} holds no image{f' (but {but})' if but else ''}; "
            + (_DICOM if _has_dicom(inside) else "add images or ")
            + "remove the folder."
        )
    outside = len(str(folder.parent))
    if broken := next(
        (x for x in inside.images if {"\n", "\r"} & {*x[outside:]}), None
    ):
        raise ValueError(
            f"{broken!r} has the end of a line in its name, which no table can hold; "
            "rename it."
        )
    found.add(inside)
    return [ImageRecord(path, name, split) for path in inside.images]


def _has_dicom(files: FoundFiles) -> bool:
    return any(x.casefold().endswith((".dcm", ".dicom")) for x in files.others)


def _left_out(
    found: FoundFiles, outside: Iterable[pathlib.Path], unused: Iterable[str]
) -> str:
    names = list(map(str, outside))
    said = [f"{len(names):,} outside the classes ({suffixes(names)})"] if names else []
    said += [f"the folders {joined(unused)}"] if unused else []
    return ", ".join(filter(None, [*said, found.left_out()]))
