"""A folder of images as users have them, in every state."""

import pathlib

import numpy as np
import pytest
from PIL import Image

from keras_hybrid.data import image_files, load
from keras_hybrid.data import lazy_images as images_module
from keras_hybrid.data.scan_folder import natural
from keras_hybrid.train import Recipe
from keras_hybrid.train.hold_out import make_splits

pytestmark = pytest.mark.backend_independent


def write(path: pathlib.Path, size=(10, 10), value=None, **options):
    """An image of noise, or of one value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(path.name.encode()))
    pixels = rng.integers(0, 256, (*size[::-1], 3), dtype="uint8")
    if value is not None:
        pixels[:] = value
    Image.fromarray(pixels).save(path, **options)


def fill(root, classes=("ant", "bee"), count=5, size=(10, 10)):
    """`count` images a class; all pixels of the i-th of class c are 20 c + i."""
    for c, name in enumerate(classes):
        for i in range(count):
            write(root / name / f"{i}.png", size, 20 * c + i)
    return root


@pytest.fixture
def lazily(monkeypatch):
    """As if nothing fitted in memory."""
    monkeypatch.setattr(images_module, "IN_MEMORY", 0)
    monkeypatch.setattr(image_files, "IN_MEMORY", 0)


def test_a_folder_for_every_class(tmp_path, capsys):
    found = load("folder", fill(tmp_path / "insects", ("class 10", "class 2")))
    assert found.name == "insects" and found.class_names == ("class 2", "class 10")
    assert (len(found.train), len(found.test)) == (8, 2)
    for split in (found.train, found.test):
        values = split.images[:][:, 0, 0, 0]
        # "class 10" was written first, with the values from 0 on
        np.testing.assert_array_equal(split.labels, values < 20)
    seen = np.concatenate([s.images[:][:, 0, 0, 0] for s in (found.train, found.test)])
    np.testing.assert_array_equal(np.sort(seen), [*range(5), *range(20, 25)])
    out = capsys.readouterr().out
    assert "8 training and 2 test images of 2 classes at 10x10" in out
    assert "a stratified fifth (seed 0) for testing" in out
    again = load("folder", tmp_path / "insects")
    assert again.fingerprint() == found.fingerprint()


@pytest.mark.parametrize("names", ["train test", "Train Val", "train valid"])
def test_folders_for_the_splits(tmp_path, names, capsys):
    train, test = names.split()
    fill(tmp_path / train, count=3)
    fill(tmp_path / test, count=1)
    found = load("folder", tmp_path)
    assert (len(found.train), len(found.test)) == (6, 2)
    assert f"folders {train} and {test}" in capsys.readouterr().out


def test_train_alone_is_split_and_val_beside_test_is_watched(tmp_path, capsys):
    fill(tmp_path / "train")
    assert len(load("folder", tmp_path).test) == 2
    fill(tmp_path / "test", count=1, classes=("bee", "ant"))
    fill(tmp_path / "val", count=4)
    found = load("folder", tmp_path)
    assert len(found.test) == 2 and found.train.held_out.sum() == 8
    printed = capsys.readouterr().out
    assert "folders train, val and test" in printed
    assert "class  train  validation  test\nant        5           4     1" in printed
    assert "10 training, 8 validation and 2 test images of 2 classes" in printed
    _, validation = make_splits(Recipe.of(dataset="folder"), found)
    assert len(validation) == 8


def test_a_class_may_be_called_train(tmp_path):
    fill(tmp_path, ("train", "tram", "bus"))
    assert load("folder", tmp_path).class_names == ("bus", "train", "tram")


def test_what_is_found_and_what_is_not(tmp_path, capsys):
    fill(tmp_path, count=2)
    write(tmp_path / "ant/2021/summer/DSC1.JPG", value=77)
    for hidden in (
        "ant/.2.png",
        ".cache/3.png",
        "bee/.x/4.png",
        "__MACOSX/ant/._0.png",
    ):
        write(tmp_path / hidden, value=200)
    (tmp_path / "ant/notes.txt").write_text("hello")
    (tmp_path / "bee/IMG_1.HEIC").write_bytes(b"heic")
    found = load("folder", tmp_path)
    values = np.concatenate(
        [s.images[:][:, 0, 0, 0] for s in (found.train, found.test)]
    )
    assert sorted(values) == [0, 1, 20, 21, 77]
    printed = capsys.readouterr().out
    assert "4 hidden or of a system (.cache, __MACOSX, .2.png, ...)" in printed
    assert "2 no images (1 .heic, 1 .txt)" in printed


def test_natural_order():
    names = ["b10", "b9", "B1", "a", "10", "9", "b01"]
    assert sorted(names, key=natural) == ["9", "10", "a", "B1", "b01", "b9", "b10"]


TABLE = "file,label,split\nx/0.png,ant,train\nx/1.png,bee,train\ny/2.png,bee,{0}\ny/3.png,ant,{0}\n"


def table(tmp_path, text, encoding="utf-8"):
    for i, folder in enumerate("xxyy"):
        write(tmp_path / folder / f"{i}.png", value=i)
    (tmp_path / "labels.csv").write_text(text, encoding=encoding)
    return tmp_path


@pytest.mark.parametrize("test", ["test", "Validation"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table(tmp_path, test, delimiter):
    text = TABLE.format(test).replace(",", delimiter)
    found = load("folder", table(tmp_path, text, "utf-8-sig"))
    assert found.class_names == ("ant", "bee")
    np.testing.assert_array_equal(found.train.images[:][:, 0, 0, 0], [0, 1])
    np.testing.assert_array_equal(found.test.images[:][:, 0, 0, 0], [2, 3])
    np.testing.assert_array_equal(found.test.labels, [1, 0])


def test_a_table_without_a_split(tmp_path):
    lines = [line.rsplit(",", 1)[0] for line in TABLE.splitlines()]
    found = load("folder", table(tmp_path, "\n".join(lines)))
    assert (len(found.train), len(found.test)) == (2, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\n", "lacks the column file"),
        ("file,label\n", "lists no image"),
        (TABLE.format("tset"), r"line 4: split must be .* not 'tset'"),
        (TABLE.format("test") + "x/0.png,,train\n", "line 6: file and label must"),
        (TABLE.format("test") + "x/0.png,ant,train\n", r"x/0\.png more than once"),
        (
            TABLE.format("test") + "x/7.png,ant,train\n",
            r"a file that is not .*x/7\.png",
        ),
    ],
)
def test_a_wrong_table(tmp_path, text, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        load("folder", table(tmp_path, text))


def test_a_table_of_another_encoding(tmp_path):
    path = table(tmp_path, "file,label\né.png,ant\n", "latin-1")
    with pytest.raises(ValueError, match="save it as CSV UTF-8"):
        load("folder", path)


def test_sizes(tmp_path):
    fill(tmp_path, size=(12, 10))
    assert load("folder", tmp_path).train.images.shape[1:] == (10, 12, 3)
    write(tmp_path / "ant/wide.png", (40, 10))
    with pytest.raises(ValueError, match=r"2 different sizes.*give --image-size"):
        load("folder", tmp_path)
    found = load("folder", tmp_path, image_size=8)
    assert found.train.images.shape[1:] == (8, 8, 3)


def damage(root):
    """Four ways in which a file may be bad; returns their names."""
    whole = root / "ant/whole.jpg"
    write(whole, (64, 64))
    (root / "ant/cut.jpg").write_bytes(whole.read_bytes()[:1500])
    (root / "bee/empty.png").write_bytes(b"\x89PNG")
    (root / "bee/text.jpeg").write_text("not an image")
    broken = bytearray((root / "bee/0.png").read_bytes())
    broken[45] ^= 255
    (root / "bee/broken.png").write_bytes(broken)
    return {"cut.jpg", "empty.png", "text.jpeg", "broken.png"}


def test_corrupt_files_are_named_and_refused(tmp_path):
    bad = damage(fill(tmp_path))
    with pytest.raises(ValueError, match=r"^4 of 15 image files") as caught:
        load("folder", tmp_path, image_size=10)
    text = str(caught.value)
    assert sum(name in text for name in bad) == 3 and "and 1 more" in text
    assert "--corrupt skip" in text and "\n" not in text


def test_corrupt_files_are_named_and_skipped(tmp_path):
    bad = damage(fill(tmp_path))
    with pytest.warns(UserWarning, match="Skipped 4 image files") as caught:
        found = load("folder", tmp_path, image_size=10, corrupt="skip")
    (text,) = [str(w.message) for w in caught if "Skipped" in str(w.message)]
    assert all(name in text for name in bad) and "0.png" not in text
    assert len(found.train) + len(found.test) == 11
    for split in (found.train, found.test):
        values = split.images[:][:, 0, 0, 0].astype(int)
        clean = values[(split.images[:] == values[:, None, None, None]).all((1, 2, 3))]
        assert len(clean) >= len(split) - 1  # all but whole.jpg, which is noise
    labels = found.train.labels[found.train.images[:].std((1, 2, 3)) == 0]
    values = found.train.images[:][found.train.images[:].std((1, 2, 3)) == 0]
    np.testing.assert_array_equal(labels, values[:, 0, 0, 0] >= 20)


def test_corrupt_files_of_large_folders(tmp_path, lazily):
    bad = damage(fill(tmp_path))
    with pytest.raises(ValueError, match=r"^2 of 15 image files"):  # by their headers
        load("folder", tmp_path, image_size=10)
    with pytest.warns(UserWarning, match="Skipped 4 image files"):
        found = load("folder", tmp_path, image_size=10, corrupt="skip")
    assert isinstance(found.train.images, images_module.Subset)
    assert len(found.train.images[:]) + len(found.test.images[:]) == 11
    for name in bad - {"cut.jpg"}:
        next(tmp_path.rglob(name)).unlink()
    found = load("folder", tmp_path, image_size=10)
    with pytest.raises(ValueError, match=r"cut\.jpg cannot be decoded \(.*truncated"):
        found.train.images[:], found.test.images[:]


def test_a_bomb_is_refused_by_name(tmp_path, monkeypatch):
    write(fill(tmp_path) / "ant/bomb.png", (100, 100))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 6_000)
    with (
        pytest.warns(Image.DecompressionBombWarning),
        pytest.raises(ValueError, match=r"bomb\.png: 100x100 pixels"),
    ):
        load("folder", tmp_path, image_size=10)


def test_large_folders_are_decoded_when_needed(tmp_path, lazily, monkeypatch, capsys):
    fill(tmp_path)
    decoded = []
    decode = image_files.ImageFiles.decode
    monkeypatch.setattr(
        image_files.ImageFiles,
        "decode",
        lambda self, name: decoded.append(name) or decode(self, name),
    )
    found = load("folder", tmp_path)
    assert "decoded on demand" in capsys.readouterr().out
    found.fingerprint()
    recipe = Recipe.of(dataset="folder", per_class=2, validation_split=0.5)
    monkeypatch.setattr(images_module, "IN_MEMORY", 4 * 300)  # four images
    training, validation = make_splits(recipe, found)
    assert len(decoded) == 4 and len(set(decoded)) == 4
    assert (len(training), len(validation)) == (2, 2)
    values = training.images[:][:, 0, 0, 0]
    np.testing.assert_array_equal(training.labels, values >= 20)
    assert len(decoded) == 4  # held from then on


def empty(root):
    root.mkdir(exist_ok=True)


def loose(root):
    write(root / "1.png")


def one_class(root):
    fill(root, ("ant",))


def beside_an_image(root):
    fill(root / "insects")
    write(root / "1.png")


def empty_class(root):
    (fill(root) / "cow").mkdir()


def single(root):
    write(fill(root) / "cow/1.png")


def new_in_test(root):
    fill(root / "train")
    fill(root / "test", ("ant", "bee", "cow"))


def unsorted_test(root):
    fill(root / "train")
    write(root / "test/1.png")


def all_bad(root):
    fill(root)
    (root / "cow").mkdir()
    (root / "cow/1.png").write_text("x")
    (root / "cow/2.png").write_text("y")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (empty, "holds no images: make one sub-folder per class"),
        (loose, "none in a sub-folder"),
        (one_class, "holds one class, ant; two are needed"),
        (beside_an_image, r"Did you mean --data-dir .*insects\?"),
        (empty_class, "cow holds no image; add images or remove the folder"),
        (single, "too few images of cow"),
        (new_in_test, "no training images of cow"),
        (unsorted_test, r"test holds images, but none in a sub-folder"),
    ],
)
def test_a_wrong_layout(tmp_path, make, message):
    make(tmp_path)
    with pytest.raises(ValueError, match=message):
        load("folder", tmp_path)


def test_a_class_that_is_skipped_altogether(tmp_path):
    all_bad(tmp_path)
    with (
        pytest.warns(UserWarning, match="Skipped 2"),
        pytest.raises(ValueError, match="no training images of cow"),
    ):
        load("folder", tmp_path, corrupt="skip")


def test_a_class_without_test_images_is_said(tmp_path, capsys):
    fill(tmp_path / "train")
    fill(tmp_path / "test", ("ant",))
    load("folder", tmp_path)
    assert "no test images of bee" in capsys.readouterr().out


def test_no_folder():
    with pytest.raises(FileNotFoundError, match=r"folder needs --data-dir\. Give"):
        load("folder")
