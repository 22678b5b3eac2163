"""Folders of images as users have them: one maker for each row of docs/inputs.md."""

import dataclasses
import os
import pathlib
import unicodedata
from collections.abc import Callable

import numpy as np
from PIL import Image


@dataclasses.dataclass(frozen=True)
class Case:
    """An input.

    Attributes:
        section: Heading of its table.
        text: What it is, the first cell of its row.
        make: Fills an empty folder with it.
        task: The task that it is for.
    """

    section: str
    text: str
    make: Callable[[pathlib.Path], None]
    task: str = "classification"


CASES: list[Case] = []


def case(section, text, task="classification"):
    """Registers a maker."""

    def register(make):
        CASES.append(Case(section, text, make, task))
        return make

    return register


def write(path, suffix="png"):
    """An image of noise, which is another for every path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(os.fsencode(path.parent.name + path.name)))
    pixels = rng.integers(0, 256, (8, 8, 3), dtype="uint8")
    Image.fromarray(pixels).save(path, format=suffix)


def fill(root, *folders, classes=("ant", "bee"), count=5):
    """`count` images of each class, in `root` or in folders of it."""
    for folder in folders or (".",):
        for name in classes:
            for i in range(count):
                write(root / folder / name / f"{folder.strip('.')}{name}{i}.png")


LAYOUT = "Folders of classes and splits"


@case(LAYOUT, "`ant/`, `bee/`")
def classes(root):
    fill(root)


def splits(text, *names):
    case(LAYOUT, text)(lambda root: fill(root, *names))


splits("`train/ant/`, `test/ant/`", "train", "test")
splits("`Training/`, `Testing/`", "Training", "Testing")
splits("`train_set/`, `test_set/`", "train_set", "test_set")
splits("`training_set/`, `test_set/`", "training_set", "test_set")
splits("`Train/`, `Val/`", "Train", "Val")
splits("`train/`, `dev/`", "train", "dev")
splits("`train/`, `validation/`, `test/`", "train", "validation", "test")
splits(
    "`train_images/`, `val-image/`, `TestData/`",
    *["train_images", "val-image", "TestData"],
)
splits("`train2017/`, `val2017/`", "train2017", "val2017")
splits("`1_train/`, `2_test/`", "1_train", "2_test")
splits("`train/` alone", "train")
splits(
    "`archive/dataset/train/`, `.../test/`",
    "archive/dataset/train",
    "archive/dataset/test",
)
splits("`train/`, `training/`, `test/`", "train", "training", "test")
splits(
    "`a_train/`, `a_test/`, `b_train/`, `b_test/`",
    *["a_train", "a_test", "b_train", "b_test"],
)


@case(LAYOUT, "`dataset/` alone, with `ant/`, `bee/`")
def wrapped(root):
    fill(root, "dataset")


@case(
    LAYOUT, "`seg_train/seg_train/`, `seg_test/seg_test/`, `seg_pred/` without classes"
)
def wrapped_splits(root):
    fill(root, "seg_train/seg_train", "seg_test/seg_test")
    write(root / "seg_pred/1.png")


@case(LAYOUT, "`ant/train/`, `ant/test/`, `bee/train/`, `bee/test/`")
def splits_in_classes(root):
    fill(root, "ant", "bee", classes=("train", "test"))


@case(LAYOUT, "`ant/train/`, `ant/test/`, `bee/` without splits")
def splits_in_one_class(root):
    fill(root, "ant", classes=("train", "test"))
    fill(root, classes=("bee",))


@case(LAYOUT, "`train/`, `test/` with images, without folders of classes")
def splits_without_classes(root):
    fill(root, classes=("train", "test"))


@case(LAYOUT, "`train/ant/`, `train/bee/`, beside `cow/`")
def split_beside_a_class(root):
    fill(root, "train")
    fill(root, classes=("cow",))


@case(LAYOUT, "classes called `train/`, `tram/`")
def class_called_train(root):
    fill(root, classes=("train", "tram"))


@case(LAYOUT, "`train/ant/`, `train/bee/`, `test/` with images of no class")
def unlabelled_test(root):
    fill(root, "train")
    write(root / "test/1.png")


@case(LAYOUT, "`train/ant/images/`, `train/bee/images/`, `val/images/`, `test/images/`")
def held_out_images_without_classes(root):
    fill(root, "train/ant", "train/bee", classes=("images",))
    fill(root, "val", "test", classes=("images",))


@case(LAYOUT, "`fold1/ant/`, `fold1/bee/`, `fold2/ant/`, `fold2/bee/`")
def parts(root):
    fill(root, "fold1", "fold2")


@case(LAYOUT, "`ant/images/`, `ant/masks/`, `bee/images/`, `bee/masks/`")
def masks(root):
    fill(root, "ant", "bee", classes=("images", "masks"))


@case(LAYOUT, "`ant/cam1/`, `ant/cam2/`, `bee/cam1/`, `bee/cam2/`")
def cameras(root):
    fill(root, "ant", "bee", classes=("cam1", "cam2"))


@case(LAYOUT, "an accent in two forms of Unicode: `train/é/`, `test/é/`")
def accents(root):
    for split, form in (("train", "NFC"), ("test", "NFD")):
        fill(root, split, classes=("bee", unicodedata.normalize(form, "\xe9t\xe9")))


@case(LAYOUT, "classes that differ in the form of Unicode alone")
def two_forms(root):
    fill(root, classes=[unicodedata.normalize(x, "\xe9t\xe9") for x in ("NFC", "NFD")])


@case(LAYOUT, "images without folders")
def loose(root):
    write(root / "1.png")


@case(LAYOUT, "one class")
def one_class(root):
    fill(root, classes=("ant",))


@case(LAYOUT, "a class without images")
def empty_class(root):
    fill(root)
    (root / "cow").mkdir()


@case(LAYOUT, "an empty folder")
def empty(root):
    pass


FILES = "Files in the folders, beside ten images"


def beside(text):
    """A maker of what lies beside two classes of five images each."""

    def register(make):
        def both(root):
            fill(root)
            make(root)

        return case(FILES, text)(both)

    return register


@beside("Synology, QNAP: `@eaDir/`, `#recycle/`, `.@__thumb/`")
def network_drives(root):
    write(root / "ant/@eaDir/ant0.png/SYNOPHOTO_THUMB_M.png")
    write(root / "@eaDir/1.png")
    write(root / "#recycle/bee/2.png")
    write(root / "bee/.@__thumb/bee0.png")


@beside("macOS: `__MACOSX/`, `.AppleDouble/`, `.Trashes/`, `._ant0.png`")
def mac(root):
    write(root / "__MACOSX/ant/1.png")
    write(root / "ant/.AppleDouble/ant0.png")
    write(root / ".Trashes/501/3.png")
    (root / "ant/._ant0.png").write_bytes(b"\0\5\x16\7")


@beside("Windows: `$RECYCLE.BIN/`, `System Volume Information/`, `Thumbs.db`")
def windows(root):
    write(root / "$RECYCLE.BIN/S-1-5/1.png")
    write(root / "System Volume Information/2.png")
    (root / "bee/Thumbs.db").write_bytes(b"\xd0\xcf")


@beside("Linux, Android: `lost+found/`, `LOST.DIR/`")
def linux(root):
    write(root / "lost+found/1.png")
    write(root / "ant/LOST.DIR/2.png")


@beside("Picasa: `.picasaoriginals/`, `Picasa.ini`")
def picasa(root):
    write(root / "ant/.picasaoriginals/ant0.png")
    (root / "ant/Picasa.ini").write_text("[ant0.png]")


@beside("hidden files and folders")
def hidden(root):
    write(root / "ant/.1.png")
    write(root / ".git/2.png")


@beside("a file of zero bytes")
def zero_bytes(root):
    (root / "ant/zero.png").touch()


@beside("`notes.txt`")
def other_files(root):
    (root / "ant/notes.txt").write_text("ants")


@beside("an image outside the classes")
def outside(root):
    write(root / "loose.png")


@beside("an image in upper case in a deeper folder: `ant/2021/DSC.JPG`")
def deeper(root):
    write(root / "ant/2021/DSC.JPG", "jpeg")


@beside("a link to a folder of images")
def linked(root):
    write(root.parent / f"{root.name}-elsewhere/far.png")
    (root / "ant/more").symlink_to(root.parent / f"{root.name}-elsewhere")


@beside("a link to the folder itself")
def cycle(root):
    (root / "ant/again").symlink_to(root)


@beside("a broken link, `ant/link.png`")
def broken_link(root):
    (root / "ant/link.png").symlink_to("nowhere.png")
