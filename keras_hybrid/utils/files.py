"""Files: found by their suffix, hashed, written in one step."""

import contextlib
import errno
import hashlib
import os
import pathlib
from collections.abc import Callable, Iterator

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


def find_images(folder: pathlib.Path) -> list[pathlib.Path]:
    """The image files in a folder and in all folders below it, sorted by path."""
    return sorted(
        path for path in folder.rglob("*") if path.suffix.casefold() in IMAGE_SUFFIXES
    )


def sha256(file: pathlib.Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def write_atomically(
    path: pathlib.Path, write: Callable[[pathlib.Path], object]
) -> None:
    """Calls `write(temporary_path)` and moves the result to `path` in one step.

    Args:
        path: The file to write or to replace.
        write: Writes a file at the path it is given.

    Raises:
        OSError: If the disk is full; a file that was at `path` is still there.
    """
    # several processes may write one file
    temporary = path.with_name(f".{path.stem}.part{os.getpid()}{path.suffix}")
    try:
        with explain_full_disk(path):
            write(temporary)
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def is_partial(path: pathlib.Path) -> bool:
    """Whether a killed `write_atomically` left this file behind."""
    return path.name.startswith(".") and ".part" in path.name


@contextlib.contextmanager
def explain_full_disk(path: pathlib.Path) -> Iterator[None]:
    """Turns "no space left" into an error that names the file and the cure.

    Raises:
        OSError: If the disk is full, with the path in its message.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise OSError(
            f"No space left to write {path}; what the run has saved before is intact. "
            "Make room; the same command then resumes."
        ) from error


def replace(part: pathlib.Path, path: pathlib.Path) -> None:
    """Puts a finished file or folder in its place; what was there goes last."""
    if not path.is_dir():
        os.replace(part, path)
        return
    former = part.with_name(f"{part.name}.former")
    os.rename(path, former)
    try:
        os.rename(part, path)
    except OSError:
        os.rename(former, path)
        raise
