"""Labels of every task, as tables and folders say them."""

import numpy as np
import pytest
from PIL import Image

from keras_hybrid import data
from keras_hybrid.data.targets import TARGETS, get_targets, target_rows

pytestmark = pytest.mark.backend_independent
LABELS = ["cat;dog", "dog", "cat | dog", "emu;cat", "emu", ";"]


def folder(root, labels, header="file,label"):
    """Images of noise, and their table."""
    rng = np.random.default_rng(0)
    rows = [header]
    for i, label in enumerate(labels):
        pixels = rng.integers(0, 256, (8, 8, 3), dtype="uint8")
        Image.fromarray(pixels).save(root / f"{i}.png")
        rows.append(f"{i}.png,{label}")
    (root / "labels.csv").write_text("\n".join(rows))
    return root


def load(root, task, **options):
    return data.load("folder", root, task=task, **options)


def whole(dataset):
    """Labels of all images by file name."""
    return {
        path.rpartition("/")[2]: label.tolist()
        for split in (dataset.train, dataset.test)
        for path, label in zip(split.paths, split.labels, strict=True)
    }


def test_numbers(tmp_path, capsys):
    numbers = [0.1 + i for i in range(20)]
    found = load(folder(tmp_path, numbers), "regression")
    assert whole(found) == {f"{i}.png": [x] for i, x in enumerate(numbers)}
    assert found.task == "regression" and found.class_names == ("value",)
    assert (
        "16 training and 4 test images of numbers from 0.1" in capsys.readouterr().out
    )
    other = folder(tmp_path, [x + 0.25 for x in numbers])  # the same integers
    assert load(other, "regression").fingerprint() != found.fingerprint()


def test_splits_have_numbers_of_every_range():
    targets = get_targets("regression")
    values = np.random.default_rng(0).lognormal(size=(103, 1))
    strata = targets.strata(values)
    assert set(np.bincount(strata)) == {10, 11}
    order = np.argsort(values[:, 0])
    assert (np.diff(strata[order]) >= 0).all()
    assert set(targets.strata(values[:3])) == {0}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["1", "2", "many", "4", "5"], "is 'many', which is no number"),
        (["1", "2", "nan", "4", "5"], "is 'nan', which is no number"),
        (["3"] * 6, "have 1 number; two"),
        (["1", "2", "3"], "3 images are too few"),
    ],
)
def test_numbers_that_are_refused(labels, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load(folder(tmp_path, labels), "regression")


def test_numbers_need_a_table(tmp_path):
    (tmp_path / "3.5").mkdir()
    (folder(tmp_path / "3.5", ["x"]) / "labels.csv").unlink()
    with pytest.raises(ValueError, match="numbers are read from a table"):
        load(tmp_path, "regression")


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        ([f"{i / 7}" for i in range(12)] * 3, "regression"),
        ([f"{i}" for i in range(30)], "regression"),
        (["cat;dog", "dog"] * 9, "multilabel"),
    ],
)
def test_the_task_is_suggested(labels, task, tmp_path):
    with pytest.raises(ValueError, match=f"give --task {task}"):
        load(folder(tmp_path, labels), "classification")


@pytest.mark.parametrize(
    "labels",
    [
        [f"{i}" for i in range(20)] * 3,  # numbers of classes
        ["1.0", "2.0"] * 5,
        [f"{i / 7}" for i in range(5)] * 3,
        ["a;b", "c"] * 5,  # a name with a semicolon
    ],
)
def test_names_of_classes_may_look_like_others(labels, tmp_path):
    dataset = load(folder(tmp_path, labels), "classification")
    assert set(dataset.class_names) == set(labels)


def test_several_classes(tmp_path, capsys):
    found = load(folder(tmp_path, LABELS * 3), "multilabel")
    assert found.class_names == ("cat", "dog", "emu")
    rows = [[1, 1, 0], [0, 1, 0], [1, 1, 0], [1, 0, 1], [0, 0, 1], [0, 0, 0]]
    assert whole(found) == {f"{i}.png": row for i, row in enumerate(rows * 3)}
    assert "images of 3 classes, 1." in capsys.readouterr().out


def test_a_column_of_0_and_1_for_each_class(tmp_path):
    header = "file,cat,emu,dog,patient"
    cells = ["1,0,1,7", "0,0,1,7", "1,0,1,8", "1,1,0,8", "0,1.0,0,9", "0,0,0,9"]
    found = load(folder(tmp_path, cells * 3, header), "multilabel", group_by="patient")
    expected = load(folder(tmp_path, LABELS * 3), "multilabel")
    assert whole(found) == whole(expected)
    assert found.class_names == expected.class_names
    broken = [cells[0].replace("1,0", "1,2", 1), *cells[1:]]
    with pytest.raises(ValueError, match="line 2: emu must be 0 or 1, not '2'"):
        load(folder(tmp_path, broken, header), "multilabel")
    with pytest.raises(ValueError, match="lacks the column label"):
        load(folder(tmp_path, ["ant", "bee"], "file,class"), "multilabel")


def test_the_rarest_class_stratifies():
    labels = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1], [1, 0, 1], [0, 0, 0]], "uint8")
    strata = get_targets("multilabel").strata(labels)
    np.testing.assert_array_equal(strata, [1, 0, 2, 2, 3])


def test_a_class_without_training_images_is_refused(tmp_path):
    rows = ["cat;dog,train", "dog,train", "cat,train", "emu;cat,test"]
    root = folder(tmp_path, rows, "file,label,split")
    with pytest.raises(ValueError, match="no training images of emu"):
        load(root, "multilabel")


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        ("multilabel", LABELS * 3),
        ("regression", [i / 3 for i in range(20)]),
        ("classification", ["ant", "bee"] * 8),
    ],
)
def test_a_manifest_says_the_same(task, labels, tmp_path):
    first = load(folder(tmp_path, labels), task)
    table = tmp_path / "manifest.csv"
    data.write_manifest(first, table, tmp_path)
    again = load(tmp_path, task, manifest=table)
    assert whole(again) == whole(first)
    assert again.class_names == first.class_names


def test_target_rows():
    np.testing.assert_array_equal(
        target_rows(np.array([2, 0]), 3), [[0, 0, 1], [1, 0, 0]]
    )
    rows = np.array([[0.5], [2.5]])
    assert target_rows(rows, 1).dtype == "float32"
    np.testing.assert_array_equal(target_rows(rows, 1), rows)


def test_tasks_that_do_not_fit(tmp_path):
    with pytest.raises(ValueError, match="classification, multilabel, regression, not"):
        load(folder(tmp_path, ["a", "b"] * 3), "segmentation")
    with pytest.raises(ValueError, match="digits is for classification"):
        data.load("digits", task="regression")
    pixels = np.zeros((4, 2, 2, 3), "uint8")
    split = data.Split(pixels, np.full((4, 1), np.nan))
    with pytest.raises(ValueError, match="must be finite"):
        data.Dataset("made", split, split, ("value",), "regression")
    one_hot = data.Split(pixels, np.eye(4, dtype=int))
    with pytest.raises(ValueError, match="which are none of classification"):
        data.Dataset("made", one_hot, one_hot, tuple("abcd"))
    assert set(TARGETS) == {"classification", "multilabel", "regression"}
