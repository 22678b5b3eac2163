"""The image files below a folder, without what systems and programs leave there."""

import dataclasses
import os
import pathlib
import re
import stat
import sys
from collections import Counter
from collections.abc import Iterable

from keras_hybrid.utils.files import IMAGE_SUFFIXES

_SYSTEM = {
    "#recycle",
    "#snapshot",
    "$extend",
    "$recycle.bin",
    "@__thumb",
    "@eadir",
    "@recently-snapshot",
    "@recycle",
    "__macosx",
    "__pycache__",
    "desktop.ini",
    "ehthumbs.db",
    "icon\r",
    "lost+found",
    "lost.dir",
    "network trash folder",
    "picasa.ini",
    "system volume information",
    "temporary items",
    "thumbs.db",
    "~snapshot",
}
"""Names, in lower case, of what macOS, Windows, Linux, Android, Picasa and the network
drives of Synology, QNAP and NetApp leave in folders."""
_SYSTEM_PATTERN = re.compile(r"found\.\d{3}|.*:zone\.identifier")
_EXAMPLES = 3


@dataclasses.dataclass
class FoundFiles:
    """Files of folders, each folder with all below it.

    Attributes:
        images: Image files, by their suffix.
        others: Files that are no images.
        hidden: Files and folders that are hidden or of a system, which nothing enters.
        empty: Image files of zero bytes.
    """

    images: list[str] = dataclasses.field(default_factory=list)
    others: list[str] = dataclasses.field(default_factory=list)
    hidden: list[str] = dataclasses.field(default_factory=list)
    empty: list[str] = dataclasses.field(default_factory=list)

    def add_folder(self, folder: str | os.PathLike[str]) -> None:
        """Adds the files below a folder, in an order that depends only on their names.

        Links to folders are followed, but for those to a folder that the link is in.

        Raises:
            OSError: If a folder cannot be read.
        """
        resolved = pathlib.Path(folder).resolve()
        self._walk(os.fspath(folder), {_identity(x) for x in resolved.parents})

    def add(self, other: "FoundFiles") -> None:
        """Adds what was found elsewhere."""
        for field in dataclasses.fields(self):
            getattr(self, field.name).extend(getattr(other, field.name))

    def _walk(self, folder: str, above: set[tuple[int, int]]) -> None:
        here = _identity(folder)
        if here in above:
            return
        files, folders = self.visible_entries(folder)
        for path in files:
            self.add_file(path)
        for path in folders:
            self._walk(path, above | {here})

    def visible_entries(
        self, folder: str | os.PathLike[str]
    ) -> tuple[list[str], list[str]]:
        """Files and folders directly in a folder, sorted; adds to `hidden`."""
        files: list[str] = []
        folders: list[str] = []
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if is_hidden(entry.name):
                    self.hidden.append(entry.path)
                else:
                    (folders if _is_folder(entry) else files).append(entry.path)
        return files, folders

    def add_file(self, path: str) -> None:
        """Adds a file to one of the lists, by its suffix and size."""
        if pathlib.PurePath(path).suffix.casefold() not in IMAGE_SUFFIXES:
            self.others.append(path)
            return
        try:
            status = os.stat(path)
        except OSError:  # e.g. a broken link, which its reader reports
            self.images.append(path)
            return
        regular = stat.S_ISREG(status.st_mode)
        kept = self.images if status.st_size else self.empty
        (kept if regular else self.others).append(path)

    def left_out(self) -> str:
        """What is left out, with examples; empty if nothing is."""
        said = []
        if self.hidden:
            said.append(
                f"{len(self.hidden):,} hidden or of a system "
                f"({_examples(map(os.path.basename, self.hidden))})"
            )
        if self.empty:
            said.append(f"{len(self.empty):,} empty ({_examples(self.empty)})")
        if self.others:
            said.append(f"{len(self.others):,} no images ({suffixes(self.others)})")
        return ", ".join(said)

    def say(self, where: str | os.PathLike[str]) -> None:
        """Prints to stderr what is left out, if anything is."""
        if said := self.left_out():
            print(f"{where}: left out {said}.", file=sys.stderr)


def find_images(folder: pathlib.Path) -> list[pathlib.Path]:
    """The image files in a folder and in all folders below it, sorted by path.

    A line on stderr says what is left out, see `FoundFiles`.

    Raises:
        OSError: If a folder cannot be read.
    """
    found = FoundFiles()
    found.add_folder(folder)
    found.say(folder)
    return sorted(map(pathlib.Path, found.images))


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden or of a system, by its name."""
    known = name.casefold()
    return (
        name.startswith(".")
        or known in _SYSTEM
        or _SYSTEM_PATTERN.fullmatch(known) is not None
    )


def suffixes(names: Iterable[str]) -> str:
    """How many files have which suffix: "1 .heic, 2 .txt"."""
    kinds = Counter(pathlib.PurePath(name).suffix.casefold() for name in names)
    return ", ".join(
        f"{n:,} {kind or 'no suffix'}" for kind, n in sorted(kinds.items())
    )


def _examples(names: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = ", ..." if len(distinct) > _EXAMPLES else ""
    return ", ".join(distinct[:_EXAMPLES]) + more


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _identity(folder: str | os.PathLike[str]) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino
