"""Files: found by suffix, written in one step."""

from keras_hybrid.utils.files import find_images


def test_images_at_any_depth_in_order(tmp_path):
    for name in ("b.PNG", "a/deep/c.jfif", "a/b.jpg", "a/notes.txt", "png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [x.relative_to(tmp_path).as_posix() for x in find_images(tmp_path)]
    assert found == ["a/b.jpg", "a/deep/c.jfif", "b.PNG"]
