"""A run on other data is refused, with what changed."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from keras_hybrid.data import Dataset, Split
from keras_hybrid.train import Recipe
from keras_hybrid.train.hold_out import load_images, save_manifest
from keras_hybrid.train.study import open_study
from keras_hybrid.train.tune_options import Tuning
from keras_hybrid.train.workdir import claim, complete_card

pytestmark = pytest.mark.backend_independent


def write(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype="uint8")
    Image.fromarray(pixels).save(path)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    rows = ["file,label,split"]
    for i in range(12):
        name = f"{i % 2}/{i}.png"
        write(folder / name, i)
        rows.append(
            f"{name},{'ant' if i % 2 else 'bee'},{'test' if i > 7 else 'train'}"
        )
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


def recipe_for(folder, work, **fields):
    fields = {"validation_split": 0.0} | fields
    return Recipe.of(
        dataset="folder", data_dir=str(folder), workdir=str(work), **fields
    )


def leave_a_run(recipe, name="last.keras"):
    """What a stopped run leaves, or with `card.json` a complete one."""
    dataset = load_images(recipe)
    claim(recipe, recipe.directory, dataset)
    save_manifest(recipe, recipe.directory, dataset)
    (recipe.directory / name).write_text("{}")


def resume(recipe):
    return complete_card(recipe, recipe.directory, load_images(recipe))


def edit(folder, old, new):
    table = folder / "labels.csv"
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new))


def add(folder):
    write(folder / "1/13.png", 13)
    edit(folder, "1/1.png,", "1/13.png,ant,train\n1/1.png,")


CHANGES = {
    "1 file added (1/13.png)": add,
    "1 file missing (1/3.png)": lambda x: edit(x, "1/3.png,ant,train\n", ""),
    "1 file with another label (1/3.png: ant -> bee)": lambda x: edit(
        x, "1/3.png,ant", "1/3.png,bee"
    ),
    "2 files in another split (1/3.png: train -> test, 1/9.png: test -> train)": (
        lambda x: (
            edit(x, "1/3.png,ant,train", "1/3.png,ant,test"),
            edit(x, "1/9.png,ant,test", "1/9.png,ant,train"),
        )
    ),
    "1 file with other contents (1/3.png)": lambda x: write(x / "1/3.png", 99),
    "without class ant, with class cow; 6 files with another label": lambda x: edit(
        x, ",ant", ",cow"
    ),
}


@pytest.mark.parametrize("said", CHANGES)
def test_what_changed_is_said(photos, tmp_path, said):
    recipe = recipe_for(photos, tmp_path / "run")
    leave_a_run(recipe)
    assert resume(recipe) is None
    CHANGES[said](photos)
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        resume(recipe)
    text = str(caught.value)
    assert text.startswith(f"{recipe.directory} holds a run on other data")
    assert "another --workdir, or --overwrite" in text and "\n" not in text
    assert (recipe.directory / "last.keras").exists()
    assert resume(recipe.replace(overwrite=True)) is None


def test_the_same_data_elsewhere_go_on(photos, tmp_path):
    recipe = recipe_for(photos, tmp_path / "run", validation_split=0.25)
    leave_a_run(recipe)
    shutil.move(photos, tmp_path / "moved")
    assert resume(recipe.replace(data_dir=str(tmp_path / "moved"))) is None


def test_a_part_of_the_images(photos, tmp_path):
    recipe = recipe_for(photos, tmp_path / "run", per_class=2)
    leave_a_run(recipe)
    assert resume(recipe) is None
    add(photos)
    with pytest.raises(ValueError, match=r"8 -> 9 train images"):
        resume(recipe)


def test_settings_and_data(photos, tmp_path):
    recipe = recipe_for(photos, tmp_path / "run", image_size=8)
    leave_a_run(recipe)
    with pytest.raises(ValueError, match=r"of other settings \(image_size 8 -> 6\)\. "):
        resume(recipe.replace(image_size=6))
    add(photos)
    both = (
        r"settings \(image_size 8 -> 6\) and on other data \(since then: 1 file added"
    )
    with pytest.raises(ValueError, match=both):
        resume(recipe.replace(image_size=6))


def test_another_major_version(photos, tmp_path):
    recipe = recipe_for(photos, tmp_path / "run")
    leave_a_run(recipe, "card.json")
    file = recipe.directory / "recipe.json"
    facts = json.loads(file.read_text())
    facts["data_of_the_run"]["keras_hybrid"] = "9.1.0"
    file.write_text(json.dumps(facts))
    with pytest.raises(ValueError, match=r"keras_hybrid 9\.1\.0 -> "):
        resume(recipe)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"class_names": ("b", "a")}, "order of the classes a, b -> b, a"),
        ({"class_names": ("a", "c")}, "without class b, with class c"),
    ],
)
def test_classes_of_arrays(tmp_path, changes, said):
    pixels = np.zeros((4, 8, 8, 3), "uint8")
    split = Split(pixels, np.arange(4) % 2)
    dataset = Dataset("arrays", split, split, ("a", "b"))
    recipe = Recipe.of(workdir=str(tmp_path))
    claim(recipe, tmp_path, dataset)
    (tmp_path / "last.keras").touch()
    assert complete_card(recipe, tmp_path, dataset) is None
    with pytest.raises(ValueError, match=said):
        complete_card(recipe, tmp_path, dataclasses.replace(dataset, **changes))
    swapped = dataclasses.replace(split, labels=1 - split.labels)
    with pytest.raises(ValueError, match="since then: other labels"):
        complete_card(recipe, tmp_path, dataclasses.replace(dataset, train=swapped))


def test_a_sweep_does_not_mix_data(photos, tmp_path):
    first = recipe_for(photos, tmp_path / "sweep" / "a", fraction=0.5)
    second = recipe_for(photos, tmp_path / "sweep" / "b")
    leave_a_run(first, "card.json")
    (tmp_path / "sweep" / "runs.csv").touch()
    assert resume(second) is None
    CHANGES["1 file with another label (1/3.png: ant -> bee)"](photos)
    with pytest.raises(ValueError, match=r"a holds a run of this sweep on other data"):
        resume(second)


def test_a_search_does_not_mix_data(photos, tmp_path):
    pytest.importorskip("optuna")
    recipe = recipe_for(photos, tmp_path / "search", validation_split=0.25)
    tuning = Tuning(recipe, trials=1)
    for _ in range(2):
        open_study(tuning, recipe, load_images(recipe), recipe.directory)
    add(photos)
    with pytest.raises(
        ValueError, match=r"holds a search on other data .*1 file added"
    ):
        open_study(tuning, recipe, load_images(recipe), recipe.directory)
