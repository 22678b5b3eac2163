"""Temporary folders beside the files that come out of them, which no kill leaves."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

FORMER = ".former"
"""How a name ends in such a folder that is moved there to make room for another."""


@contextlib.contextmanager
def work_folder(parent: pathlib.Path, prefix: str) -> Iterator[pathlib.Path]:
    """A new folder, which is removed at the end; others cannot write to it.

    The kernel holds a lock on it as long as this process lives. Folders of the same
    prefix without a lock are those of killed processes, and are removed, too.

    Args:
        parent: Where it is.
        prefix: How its name begins.
    """
    for folder in parent.glob(f"{prefix}*"):
        _remove_leftover(folder)
    folder, lock = _locked_folder(parent, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked_folder(parent: pathlib.Path, prefix: str) -> tuple[pathlib.Path, int]:
    while True:
        folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        try:
            lock = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:  # taken for a leftover before it had its lock
            continue
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder, lock
        os.close(lock)


def _remove_leftover(folder: pathlib.Path) -> None:
    """Removes a folder that no process holds; what was moved there goes back."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for former in folder.glob(f"*{FORMER}"):
            place = folder.parent / former.name.removesuffix(FORMER)
            if not place.exists():
                former.rename(place)
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        pass  # it is at work, or the file system has no locks
    finally:
        os.close(lock)
