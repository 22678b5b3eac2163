"""Files: known by their suffix, hashed, written in one step."""

import contextlib
import ctypes
import errno
import hashlib
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator

from keras_hybrid.utils.work_folder import FORMER, work_folder

_JPEG = (".jpg", ".jpeg", ".jfif")
_PNM = (".ppm", ".pgm", ".pbm")
IMAGE_SUFFIXES = (
    *_JPEG,
    *_PNM,
    ".png",
    ".bmp",
    ".gif",
    ".tif",
    ".tiff",
    ".webp",
    ".avif",
)
"""Suffixes of image files in lower case; files may have them in upper case."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a full disk, or of a file that may not grow."""
_NOT_OFFERED = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
"""Errors of a file system that does not have an operation."""
PARTIAL = ".part-"
"""How names of temporary folders begin, which a killed process may leave."""


def user_cache() -> pathlib.Path:
    """This package's folder in `XDG_CACHE_HOME`, or in `~/.cache`; it may not exist."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(cache).expanduser() / "keras_hybrid"


def sha256(file: pathlib.Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def write_atomically(
    path: pathlib.Path, write: Callable[[pathlib.Path], object]
) -> None:
    """Calls `write(temporary_path)` and moves the result to `path` in one step.

    The temporary file is in a new folder that others cannot write to, so that it is
    never a link to another file.

    Args:
        path: The file to write or to replace.
        write: Writes a file at the path it is given.

    Raises:
        OSError: If the disk is full; a file that was at `path` is still there.
    """
    with explain_full_disk(path), work_folder(path.parent, PARTIAL) as folder:
        temporary = folder / path.name
        write(temporary)
        with open(temporary, "rb+") as file, _suppressed(*_NOT_OFFERED):
            os.fsync(file.fileno())
        try:
            os.replace(temporary, path)
        except OSError as error:
            if error.errno not in (*_NOT_OFFERED, errno.EPERM, errno.EXDEV):
                raise
            with (
                open(temporary, "rb") as file,
                open(path, "wb", opener=follow_no_link) as target,
            ):
                shutil.copyfileobj(file, target)  # not in one step, but there


@contextlib.contextmanager
def _suppressed(*numbers: int) -> Iterator[None]:
    """Passes over errors of the system with these numbers."""
    try:
        yield
    except OSError as error:
        if error.errno not in numbers:
            raise


def is_partial(path: pathlib.Path) -> bool:
    """Whether a killed `write_atomically` left this folder behind."""
    return path.name.startswith(PARTIAL)


def follow_no_link(path: str, flags: int) -> int:
    """An `opener` for `open`, which refuses to write through a symbolic link."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


class DiskFull(OSError):
    """A file could not be written for want of room; the message says what to do."""


def full_disk_cure(number: int) -> str:
    """What helps against an error of `FULL`."""
    if number == errno.EFBIG:
        return "files may not grow that large here, see `ulimit -f`."
    return "make room, for temporary files and the output, too."


@contextlib.contextmanager
def explain_full_disk(path: pathlib.Path) -> Iterator[None]:
    """Turns "no space left" into an error that names the file and the cure.

    Raises:
        DiskFull: If the disk is full, or the file may not grow.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        cure = full_disk_cure(error.errno)
        raise DiskFull(
            f"No space left to write {path}; what the run has saved before is intact, "
            f"and the same command then resumes: {cure}"
        ) from error


def replace(part: pathlib.Path, path: pathlib.Path) -> None:
    """Puts a finished file or folder in its place, in one step where that can be.

    Args:
        part: The file or folder, in a `work_folder` beside `path`, where a folder that
            was at `path` is afterwards.
        path: Its place.
    """
    if not path.is_dir():
        os.replace(part, path)
        return
    if _exchange(part, path):
        return
    former = part.with_name(f"{path.name}{FORMER}")
    try:
        os.rename(path, former)
        os.rename(part, path)
    except BaseException:  # a signal, too
        if former.exists() and not path.exists():
            os.rename(former, path)
        raise


def _exchange(one: pathlib.Path, other: pathlib.Path) -> bool:
    """Whether two names were exchanged: Linux can, on most of its file systems."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    names = os.fsencode(one.absolute()), os.fsencode(other.absolute())
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return rename(here, names[0], here, names[1], exchange) == 0
