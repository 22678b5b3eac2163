"""A lock on a folder, held by the kernel: it ends with the process, however it ends."""

import contextlib
import errno
import fcntl
import os
import pathlib
from collections.abc import Iterator

_HELD = (errno.EWOULDBLOCK, errno.EACCES)


@contextlib.contextmanager
def lock_folder(
    folder: pathlib.Path, shared: bool = False, option: str = "--workdir"
) -> Iterator[None]:
    """Keeps other processes out of a folder that they lock, too.

    The folder itself is locked, so that no file is left. A folder that was not there is
    created, and removed again if it stays empty. Where the file system has no locks on
    folders, as NFS, one printed line says so.

    Args:
        folder: The folder.
        shared: Whether processes that share the lock may work in it together.
        option: The option that names the folder.

    Raises:
        ValueError: If another process holds the lock.
    """
    created = [x for x in (folder, *folder.parents) if not x.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    place = os.open(folder, os.O_RDONLY)
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(place, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            os.close(place)
            raise ValueError(
                f"Another process is at work in {folder}: wait for it, or choose "
                f"another {option}."
            ) from error
        print(
            f"{folder} cannot be locked here ({error.strerror}): see to it that no "
            "other process works in it.",
            flush=True,
        )
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # one of them is not empty
            for empty in created:
                empty.rmdir()
        os.close(place)
