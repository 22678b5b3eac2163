"""Which files below a folder are images, and which are left out."""

import os

import pytest

from keras_hybrid.utils.found_files import FoundFiles, find_images, is_hidden

pytestmark = pytest.mark.backend_independent


def touch(root, *names, content=b"x"):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def found(root):
    return [x.relative_to(root).as_posix() for x in find_images(root)]


def test_images_at_any_depth_in_order(tmp_path):
    touch(tmp_path, "b.PNG", "a/deep/c.jfif", "a/b.jpg", "a/notes.txt", "png")
    assert found(tmp_path) == ["a/b.jpg", "a/deep/c.jfif", "b.PNG"]


def test_what_is_left_out_is_said(tmp_path, capsys):
    touch(tmp_path, "a/1.jpg", "@eaDir/1.jpg", "a/@eaDir/1.jpg", "a/._1.jpg", "a/x.txt")
    touch(tmp_path, "a/0.png", content=b"")
    assert found(tmp_path) == ["a/1.jpg"]
    said = capsys.readouterr().err
    assert "left out 3 hidden or of a system (@eaDir, ._1.jpg)" in said
    assert f"1 empty ({tmp_path}/a/0.png), 1 no images (1 .txt)" in said


@pytest.mark.parametrize(
    "name",
    ["@eaDir", "#recycle", ".@__thumb", "$RECYCLE.BIN", "System Volume Information"]
    + [".Trashes", "lost+found", ".picasaoriginals", "__MACOSX", "Thumbs.db", "._x"]
    + [".AppleDouble", "FOUND.000", "LOST.DIR", "1.jpg:Zone.Identifier", "Icon\r"],
)
def test_what_systems_leave(name):
    assert is_hidden(name)


@pytest.mark.parametrize("name", ["recycled", "thumbs", "found", "original", "@home"])
def test_what_may_be_a_class(name):
    assert not is_hidden(name)


def test_links_are_followed_and_cycles_cut(tmp_path):
    touch(tmp_path, "other/2.png", "root/a/1.png")
    root = tmp_path / "root"
    (root / "b").symlink_to(tmp_path / "other")
    (root / "c.png").symlink_to(tmp_path / "other/2.png")
    for name, to in (("up", root), ("further", tmp_path), ("a/self", root / "a")):
        (root / name).symlink_to(to)
    (root / "a/loop").symlink_to(root / "a/loop")
    assert found(root) == ["a/1.png", "b/2.png", "c.png"]


def test_a_pipe_is_no_image(tmp_path):
    os.mkfifo(tmp_path / "1.png")
    files = FoundFiles()
    files.add_folder(tmp_path)
    assert not files.images and len(files.others) == 1
