"""Corrections of a review: applied when a folder is read, refused where they are wrong."""

import numpy as np
import pytest
from PIL import Image

from keras_hybrid.data import load, read_corrections, write_manifest
from keras_hybrid.train import Recipe
from keras_hybrid.train.hold_out import load_images

pytestmark = pytest.mark.backend_independent


@pytest.fixture
def photos(tmp_path):
    """Eight images in each of two classes, whose pixels are 20 c + i."""
    for c, label in enumerate(("ant", "bee")):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for i in range(8):
            pixels = np.full((10, 10, 3), 20 * c + i, "uint8")
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{i}.png")
    return tmp_path / "photos"


def write(photos, *rows, header="path,label,action,new_label"):
    table = photos.with_name("corrections.csv")
    table.write_text("\n".join([header, *rows]) + "\n")
    return table


def classes(dataset):
    """The class of every image, by the value of its pixels."""
    return {
        int(pixels[0, 0, 0]): dataset.class_names[label]
        for split in (dataset.train, dataset.test)
        for pixels, label in zip(split.images[:], split.labels, strict=True)
    }


def test_corrections_move_and_drop_images_and_delete_nothing(photos, capsys):
    rows = "ant/1.png,ant,move,bee", "bee/2.png,bee,drop,", "bee/3.png,bee,confirm,ant"
    table = write(photos, *rows, "bee/4.png,bee,,ant")
    files = sorted(photos.rglob("*.png"))
    dataset = load("folder", photos, corrections=table)
    assert (
        "1 moved to another class, 1 left out, 1 confirmed" in capsys.readouterr().out
    )
    assert dataset.corrected == {"confirm": 1, "move": 1, "drop": 1}
    expected = classes(load("folder", photos)) | {1: "bee"}
    del expected[22]
    assert classes(dataset) == expected
    assert sorted(photos.rglob("*.png")) == files


def test_a_recipe_takes_corrections(photos):
    table = write(photos, "ant/1.png,ant,move,bee")
    recipe = Recipe.of(dataset="folder", data_dir=str(photos), corrections=str(table))
    assert classes(load_images(recipe))[1] == "bee"


def test_corrections_that_are_in_a_manifest_already_change_nothing(photos):
    table = write(photos, "ant/1.png,ant,move,bee")
    dataset = load("folder", photos, corrections=table)
    manifest = photos.with_name("manifest.csv")
    write_manifest(dataset, manifest, photos)
    again = load("folder", photos, manifest=manifest, corrections=table)
    assert again.fingerprint() == dataset.fingerprint()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("ant/9.png,ant,drop,", "line 2: ant/9.png is no image of"),
        ("ant/1.png,ant,move,cat", "line 2: cat is no class of"),
        ("ant/1.png,ant,move,", "line 2: move needs the class"),
        ("ant/1.png,ant,delete,", "confirm, move, drop or empty, not delete"),
        ("ant/1.png,bee,drop,", "is of class ant now, and was of bee"),
        ("ant/1.png,ant,drop,\nant/1.png,ant,confirm,", "corrects ant/1.png more"),
    ],
)
def test_wrong_corrections_are_refused_in_one_line(photos, row, words):
    with pytest.raises(ValueError, match=r"corrections\.csv") as error:
        load("folder", photos, corrections=write(photos, row))
    assert words in str(error.value) and "\n" not in str(error.value)


def test_files_that_are_no_corrections_are_refused(photos):
    table = write(photos, "ant/1.png,ant", header="path,label")
    with pytest.raises(ValueError, match="lacks the column action and new_label"):
        read_corrections(table)
    with pytest.raises(FileNotFoundError, match="no file of corrections"):
        load("folder", photos, corrections=photos / "none.csv")
    with pytest.raises(ValueError, match="need a folder, not digits"):
        load("digits", corrections=table)
    with pytest.raises(ValueError, match="leave it out of multilabel"):
        load("folder", photos, task="multilabel", corrections=table)
