"""Files, written in one step."""

import errno
import os

import pytest

from keras_hybrid.utils.files import (
    follow_no_link,
    is_partial,
    write_atomically,
)

pytestmark = pytest.mark.backend_independent


def test_a_file_is_written_in_a_folder_that_others_cannot_use(tmp_path):
    seen = []

    def write(part):
        seen.append(part.parent.stat().st_mode & 0o777)
        assert is_partial(part.parent)
        part.write_text("new")

    path = tmp_path / "card.json"
    path.symlink_to(tmp_path / "victim")
    (tmp_path / "victim").write_text("old")
    write_atomically(path, write)
    assert seen == [0o700] and not path.is_symlink()
    assert (tmp_path / "victim").read_text() == "old" and path.read_text() == "new"
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    assert len(list(tmp_path.iterdir())) == 2


def test_no_link_is_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "victim")
    refused = pytest.raises(OSError, match="link")
    with refused, open(tmp_path / "link", "w", opener=follow_no_link):
        pass
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSYS, errno.EXDEV])
def test_a_file_system_without_rename_and_fsync(number, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(number, "not here")

    monkeypatch.setattr(os, "replace", refuse)
    if number == errno.ENOSYS:
        monkeypatch.setattr(os, "fsync", refuse)
    path = tmp_path / "card.json"
    for text in ("one", "another"):
        write_atomically(path, lambda part, text=text: part.write_text(text))
        assert path.read_text() == text
    assert len(list(tmp_path.iterdir())) == 1


def test_other_errors_of_a_file_system_are_told(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EIO, "a disk that fails")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="a disk that fails"):
        write_atomically(tmp_path / "x", lambda part: part.write_text("x"))
