"""Where the classes of a folder are: in it, in a folder of its own, or in splits."""

import dataclasses
import pathlib
import re
from collections.abc import Collection, Iterable, Mapping

from keras_hybrid.data.split_names import SPLITS, joined, split_name
from keras_hybrid.utils.files import IMAGE_SUFFIXES
from keras_hybrid.utils.found_files import FoundFiles
from keras_hybrid.utils.names import few_names

TABLES = ("labels.csv", "labels.tsv")
"""Names of a folder's table, in any case."""


@dataclasses.dataclass(frozen=True)
class Level:
    """What is directly in a folder.

    Attributes:
        root: The folder.
        files: Paths of its files, without hidden ones.
        folders: Paths of its folders, without hidden ones.
    """

    root: pathlib.Path
    files: tuple[pathlib.Path, ...]
    folders: tuple[pathlib.Path, ...]

    @property
    def images(self) -> list[pathlib.Path]:
        """The image files."""
        return [x for x in self.files if x.suffix.casefold() in IMAGE_SUFFIXES]

    @property
    def names(self) -> list[str]:
        """Names of the folders."""
        return [folder.name for folder in self.folders]


def look_into(root: pathlib.Path, found: FoundFiles | None = None) -> Level:
    """What is directly in a folder; what is hidden is added to `found`."""
    files, folders = (found or FoundFiles()).visible_entries(root)
    return Level(
        root, tuple(map(pathlib.Path, files)), tuple(map(pathlib.Path, folders))
    )


def find_table(level: Level) -> pathlib.Path | None:
    """The table of a folder, `labels.csv`, if it has one.

    Raises:
        ValueError: If it has two.
    """
    tables = [x for x in level.files if x.name.casefold() in TABLES]
    if len(tables) > 1:
        names = _joined(tables)
        raise ValueError(
            f"{level.root} has {names}: give one of them as --manifest, or remove one."
        )
    return tables[0] if tables else None


def inner_level(
    level: Level, found: FoundFiles, classes: Collection[str] = ()
) -> Level:
    """The level below folders such as `archive/dataset`, which hold one folder alone.

    Args:
        level: A folder.
        found: Gets what is hidden on the way.
        classes: Names of classes, if they are known; such a folder is looked into no
            further.
    """
    while wrapped := wrapper(level):
        if wrapped.name in classes:
            return level
        level = look_into(wrapped, found)
    return level


def wrapper(level: Level) -> pathlib.Path | None:
    """The only folder of a folder without images, if it holds folders or a table."""
    if len(level.folders) != 1 or level.images or find_table(level):
        return None
    inner = look_into(level.folders[0])
    holds_more = inner.folders and not inner.images
    return inner.root if holds_more or find_table(inner) else None


def find_splits(level: Level) -> dict[str, pathlib.Path]:
    """The folders of at least two splits; empty if the folders are classes.

    Raises:
        ValueError: If the folders can be read in two ways.
    """
    splits = _named_splits(level)
    if not splits:
        _check_no_class_is_a_split(level)
    elif not any(look_into(folder).folders for folder in splits.values()):
        names = _joined(splits.values())
        raise _two_readings(
            level.root,
            f"the classes {names}",
            f"the splits {names}, without folders of classes in them",
            "Rename the classes, or make one sub-folder per class in each split",
        )
    return splits


def _named_splits(level: Level) -> dict[str, pathlib.Path]:
    """The folders with names of at least two splits of one dataset."""
    named: dict[tuple[str, ...], list[tuple[str, pathlib.Path]]] = {}
    for folder in level.folders:
        if said := split_name(folder.name):
            named.setdefault(said.of, []).append((said.split, folder))
    datasets = [x for x in named.values() if len({split for split, _ in x}) > 1]
    if not datasets:
        return {}
    if len(datasets) > 1:
        one, other = (f"the splits {_joined(x for _, x in y)}" for y in datasets[:2])
        cure = "Give --data-dir a folder with one of them"
        raise _two_readings(level.root, one, other, cure)
    splits: dict[str, pathlib.Path] = {}
    for split, folder in datasets[0]:
        if split in splits:
            raise _two_readings(
                level.root,
                f"{splits[split].name} has the {split} images",
                f"{folder.name} has them",
                "Keep one of them, or join them",
            )
        splits[split] = folder
    return {split: splits[split] for split in SPLITS if split in splits}


def split_levels(
    splits: Mapping[str, pathlib.Path], found: FoundFiles
) -> dict[str, Level]:
    """What is in each split, below folders such as `train/train`."""
    levels = {split: look_into(folder, found) for split, folder in splits.items()}
    wrapped = {split: wrapper(level) for split, level in levels.items()}
    for split, inner in wrapped.items():
        others = {
            name for x, level in levels.items() if x != split for name in level.names
        }
        if inner and (all(wrapped.values()) or inner.name not in others):
            levels[split] = look_into(inner, found)
    return levels


def splits_of_classes(level: Level) -> dict[str, dict[str, pathlib.Path]]:
    """The splits in each class folder, as in `cat/train`; empty if none has any.

    Raises:
        ValueError: If some classes have splits, and others not.
    """
    inner = {folder.name: _named_splits(look_into(folder)) for folder in level.folders}
    with_splits = [name for name, splits in inner.items() if splits]
    if not with_splits:
        return {}
    without = [name for name, splits in inner.items() if not splits]
    if without:
        name = with_splits[0]
        raise _two_readings(
            level.root,
            f"the classes {', '.join(level.names)}",
            f"{name} is the dataset, with the splits {_joined(inner[name].values())}",
            f"Give --data-dir {level.root / name}, or move it elsewhere",
        )
    return inner


def _check_no_class_is_a_split(level: Level) -> None:
    """Refuses `train` beside other folders if it holds folders of images alone."""
    for folder in level.folders if len(level.folders) > 1 else ():
        inner = look_into(folder)
        if split_name(folder.name) and len(inner.folders) > 1 and not inner.images:
            raise _two_readings(
                level.root,
                f"the classes {', '.join(level.names)}",
                f"{folder.name} is a split with the classes {', '.join(inner.names)}",
                f"Give --data-dir {folder}, or rename {folder.name}",
            )


def check_parts(level: Level, classes: Collection[str] = ()) -> None:
    """Refuses folders that may be parts of a dataset, as `fold1/cat`, `fold2/cat`.

    Where the inner names alone have numbers, as in `cat/cam1`, `dog/cam1`, the outer
    ones are the classes.

    Args:
        level: The folders of classes, as it seems.
        classes: Names of classes, if they are known.

    Raises:
        ValueError: If all of them hold folders of the same names.
    """
    inner = [look_into(folder) for folder in level.folders]
    if len(inner) < 2 or any(x.images or x.names != inner[0].names for x in inner):
        return
    names = inner[0].names
    known = classes and {*level.names} <= {*classes}
    counted = _are_numbered(names) and not _are_numbered(level.names)
    if known or counted or len(names) < 2:
        return
    if all(look_into(folder).images for folder in inner[0].folders):
        raise _two_readings(
            level.root,
            f"the classes {few_names(level.names)}",
            f"parts of a dataset that have the classes {few_names(names)} each",
            f"Give --data-dir {inner[0].root} for one part, or write a labels.csv with "
            "the columns file,label",
        )


def _are_numbered(names: Iterable[str]) -> bool:
    """Whether each name has a number, as those of cameras, patients and days."""
    return all(re.search(r"\d", name) for name in names)


def _joined(folders: Iterable[pathlib.Path]) -> str:
    return joined(folder.name for folder in folders)


def _two_readings(root: pathlib.Path, one: str, other: str, cure: str) -> ValueError:
    return ValueError(f"{root} can be read in two ways: {one}; or {other}. {cure}.")
