"""ZIP archives whose members are unique, whole and of sizes that they may have."""

import contextlib
import pathlib
import zipfile
from collections.abc import Iterator

from keras_hybrid.utils.guard.budget import check_budget

MOST_MEMBERS = 100_000


@contextlib.contextmanager
def open_zip(path: pathlib.Path) -> Iterator[zipfile.ZipFile]:
    """Opens an archive and checks its directory; no member is read.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is no archive, or its members are refused by `check_zip`.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    with archive:
        check_zip(archive, path.stat().st_size, str(path))
        yield archive


def check_zip(archive: zipfile.ZipFile, size: int, name: str) -> None:
    """Refuses archives with repeated, overlapping or exploding members.

    Args:
        archive: The archive.
        size: Its bytes.
        name: What it is, for messages.

    Raises:
        ValueError: If a name occurs twice, the members claim more bytes of the file
            than it has, or they are larger than the budget when unpacked.
    """
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise ValueError(f"{name} has {len(members):,} members, more than a model has")
    names = {member.filename for member in members}
    if len(names) < len(members):
        raise ValueError(f"{name} has several members of the same name")
    if sum(member.compress_size for member in members) > size:
        raise ValueError(f"{name} is damaged: its members overlap")
    check_budget(sum(member.file_size for member in members), size, name)
