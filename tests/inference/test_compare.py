"""Runs side by side: what is compared, what is refused, text, JSON and page."""

import json
import shutil

import keras
import numpy as np
import pytest

from keras_hybrid.analysis import macs
from keras_hybrid.cli import main
from keras_hybrid.data import Dataset, Split
from keras_hybrid.data.manifest import FILE as MANIFEST
from keras_hybrid.inference.compare import compare
from keras_hybrid.inference.compare.comparison_page import write_page
from keras_hybrid.train import run
from keras_hybrid.train.recipe import RUN_DATA, Recipe
from keras_hybrid.train.saved_predictions import (
    FILE,
    read_predictions,
    save_predictions,
)
from keras_hybrid.utils.card import read_card, write_card
from tests.browser import opened
from tests.train.tiny import run_on

independent = pytest.mark.backend_independent
LABELS = np.arange(60) % 3
RECIPE = Recipe.of(name="a", learning_rate=0.1, seed=1)


def images(labels, groups=None):
    pixels = np.arange(len(labels), dtype="uint8")[:, None, None, None]
    pixels = np.broadcast_to(pixels, (len(labels), 4, 4, 3)).copy()
    return Split(pixels, labels, groups=groups)


def write_run(
    folder,
    wrong,
    labels=LABELS,
    names=("ant", "<bee>", "cat"),
    recipe=RECIPE,
    groups=None,
    dataset="photos",
    paths=None,
    task="classification",
    outputs=None,
):
    """The files of a run whose first `wrong` answers are wrong."""
    folder.mkdir(parents=True)
    test = images(labels, groups)
    data = Dataset(dataset, test, test, tuple(names), task)
    if outputs is None:
        said = np.where(np.arange(len(labels)) < wrong, (labels + 1) % 3, labels)
        outputs = 0.05 + 0.85 * np.eye(3)[said]
    save_predictions(folder, data, outputs)
    card = {
        "model": "atc3",
        "parameters": 1000 + wrong,
        "input_shape": [4, 4, 3],
        "task": task,
        "value_names" if task == "regression" else "class_names": list(names),
        "metrics": {"training_seconds": 12.5, "epochs": 2},
        "recipe": recipe.settings(),
        "dataset": dataset,
        "versions": {"keras": "3.9"},
    }
    write_card(card, folder / "card.json")
    write_card(recipe.as_dict() | {RUN_DATA: {"train": 60}}, folder / "recipe.json")
    lines = [
        {"epoch": i, "loss": 1 / i, "accuracy": 0.5, "val_accuracy": 0.1 * i}
        | {"seconds": 1.0, "images_per_second": 9.0, "elapsed_seconds": 2.0 * i}
        for i in (1, 2)
    ]
    text = "".join(json.dumps(x) + "\n" for x in lines)
    (folder / "metrics.jsonl").write_text(text)
    if paths is not None:
        rows = [f"{path},x,,test,0" for path in paths]
        table = "\n".join(["path,label,group,split,digest", *rows]) + "\n"
        (folder / MANIFEST).write_text(table)
    return folder


@independent
def test_accuracy_tests_settings_and_cost(tmp_path):
    first = write_run(tmp_path / "first", 20)
    other = RECIPE.replace(learning_rate=0.2, name="b")
    second = write_run(tmp_path / "second", 5, recipe=other)
    found = compare([first, second])
    rows = found.rows
    assert [row["run"] for row in rows] == ["first", "second"]
    assert [row["accuracy"] for row in rows] == [round(40 / 60, 6), round(55 / 60, 6)]
    assert rows[0]["training seconds"] == 12.5 and rows[0]["MACs"] is None
    (pair,) = found.pairs
    assert (pair.only_first, pair.only_second) == (0, 15) and pair.clear
    assert pair.difference.value == 0.25
    assert found.verdict(pair) == "second is better than first"
    settings = {row["setting"]: (row["first"], row["second"]) for row in found.settings}
    assert settings == {"learning_rate": ("0.1", "0.2"), "parameters": ("1020", "1005")}


@independent
def test_text_json_and_page(tmp_path, capsys):
    folders = [write_run(tmp_path / x / "run", i) for i, x in enumerate("abc")]
    out = tmp_path / "out.html"
    main(["compare", *map(str, folders), "--out", str(out)])
    printed = capsys.readouterr().out
    assert "3 runs on the same 60 test images of photos." in printed
    assert "b/run and a/run do not differ clearly (p = 1)." in printed
    assert "adjusted for 3 pairs (Holm)" in printed and "+1.7 %" not in printed
    assert "-1.7 %" in printed and " to 0.0 %" in printed and str(out) in printed
    main(["compare", *map(str, folders), "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert [x["run"] for x in facts["runs"]] == ["a/run", "b/run", "c/run"]
    assert facts["pairs"][1]["only_first"] == 2 and not facts["pairs"][1]["clear"]
    text = out.read_text()
    assert text.count('class="chart"') == 3 and "http" not in text


@independent
def test_the_page_in_a_browser(tmp_path, browser):
    folders = [write_run(tmp_path / name, i) for i, name in enumerate(("<b>a", "b"))]
    out = tmp_path / "out.html"
    write_page(compare(folders), out)
    with opened(browser, out, 360) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        slider = page.get_by_role("slider").nth(2)
        slider.press("Home")
        said = "seconds of training 2: <b>a 0.1, b 0.1"
        assert slider.get_attribute("aria-valuetext") == said


@independent
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"names": ("ant", "cat", "dog")}, "without class <bee>, with class dog"),
        ({"labels": LABELS[:50]}, "they have 60 and 50 test images"),
        ({"labels": LABELS[::-1].copy()}, "40 of 60 test images have other labels"),
        ({"dataset": "others", "labels": LABELS}, ""),
        ({"task": "regression", "names": ("x",)}, "tasks are classification and"),
    ],
)
def test_other_test_images_are_refused_in_one_line(tmp_path, fields, said):
    first = write_run(tmp_path / "first", 3)
    if fields.get("task") == "regression":
        numbers = np.arange(60.0)[:, None]
        fields = fields | {"labels": numbers, "outputs": numbers}
    second = write_run(tmp_path / "second", 3, **fields)
    if not said:  # equal images under two names of a dataset
        assert compare([first, second]).pairs[0].p == 1
        return
    with pytest.raises(ValueError, match="cannot be compared") as error:
        compare([first, second])
    assert said in str(error.value) and "\n" not in str(error.value)
    assert all(str(x) in str(error.value) for x in (first, second))


@independent
def test_files_are_matched_by_name(tmp_path):
    paths = [f"p{i}.jpg" for i in range(60)]
    first = write_run(tmp_path / "first", 20, paths=paths)
    # the same images in reverse: those with wrong answers are other ones
    second = tmp_path / "second"
    write_run(second, 20, LABELS[::-1].copy(), paths=paths[::-1])
    with np.load(second / FILE) as arrays:
        turned = dict(arrays) | {"digests": arrays["digests"][::-1]}
    np.savez(second / FILE, **turned)
    (pair,) = compare([first, second]).pairs
    assert (pair.only_first, pair.only_second) == (20, 20)
    turned["digests"][7] += 1
    np.savez(second / FILE, **turned)
    with pytest.raises(ValueError, match=r"1 of 60 test images have other pixels .p52"):
        compare([first, second])
    card = read_card(second / "card.json") | {"input_shape": [8, 8, 3]}
    write_card(card, second / "card.json")  # another size has other pixels
    assert compare([first, second]).pairs[0].only_first == 20
    (second / MANIFEST).write_text((second / MANIFEST).read_text().replace("p5.", "q."))
    with pytest.raises(ValueError, match=r"1 are only in the first one \(p5.jpg\) and"):
        compare([first, second])


@independent
def test_what_is_no_run_is_refused(tmp_path):
    first = write_run(tmp_path / "first", 3)
    with pytest.raises(FileNotFoundError, match=r"no folder of a complete run"):
        compare([first, tmp_path])
    with pytest.raises(ValueError, match="two runs or more"):
        compare([first, first / "."])
    second = write_run(tmp_path / "second", 3)
    (second / FILE).write_bytes(b"no archive")
    with pytest.raises(ValueError, match="is damaged"):
        compare([first, second])
    np.savez(second / FILE, outputs=np.eye(3), labels=[0, 1, 9], digests=[1, 2, 3])
    with pytest.raises(ValueError, match="do not go together"):
        compare([first, second])
    (second / FILE).unlink()
    with pytest.raises(FileNotFoundError, match=r"second has no .* add --predict"):
        compare([first, second])


@independent
def test_groups_are_drawn_as_a_whole(tmp_path):
    groups = np.arange(60) // 5
    first, second = (write_run(tmp_path / str(i), i, groups=groups) for i in (0, 15))
    found = compare([first, second])
    assert found.pairs[0].test == "sign flips"
    assert any("12 groups" in note for note in found.notes())


@independent
def test_other_tasks(tmp_path):
    rng = np.random.default_rng(0)
    numbers = rng.random((60, 1))
    regression = [
        write_run(
            tmp_path / f"r{i}",
            i,
            numbers,
            ("size",),
            task="regression",
            outputs=numbers + 0.1 * (1 + i),
        )
        for i in range(2)
    ]
    found = compare(regression)
    assert found.rows[0]["mean absolute error"] == pytest.approx(0.1, abs=1e-6)
    assert found.verdict(found.pairs[0]) == "r0 is better than r1"
    write_page(found, tmp_path / "r.html")
    sets = rng.integers(0, 2, (60, 2))
    outputs = np.abs(sets - 0.2)
    several = [
        write_run(
            tmp_path / f"m{i}",
            i,
            sets,
            ("ant", "bee"),
            task="multilabel",
            outputs=np.where(np.arange(60)[:, None] < 9 * i, 1 - outputs, outputs),
        )
        for i in range(2)
    ]
    found = compare(several)
    assert [row["all classes right"] for row in found.rows] == [1.0, 0.85]
    assert found.pairs[0].balanced is None and found.pairs[0].only_first == 9


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="one is enough")
def test_real_runs_and_a_run_without_predictions(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    splits = [
        Split(rng.integers(0, 256, (24, 16, 16, 3), dtype="uint8"), np.arange(24) % 3)
        for _ in range(2)
    ]

    def load(**_):
        return Dataset("blobs", *splits, ("ant", "bee", "cat"))

    folders = [tmp_path / "one", tmp_path / "two"]
    settings = {"epochs": 1, "warmup_epochs": 0, "batch_size": 8, "tta": "flip"}
    run(run_on(load, monkeypatch, folders[0], **settings))
    shutil.copytree(*folders)
    found = compare(folders)
    card, row = read_card(folders[0] / "card.json"), found.rows[0]
    assert row["accuracy"] == card["metrics"]["test_accuracy"]
    assert row["balanced accuracy"] == card["metrics"]["test_balanced_accuracy"]
    model = keras.models.load_model(folders[0] / "model.keras", compile=False)
    assert row["MACs"] == 2 * macs(model) > 0  # of both views
    assert found.settings == [] and found.pairs[0].p == 1
    saved = read_predictions(folders[1])
    (folders[1] / FILE).unlink()
    compare(folders, predict=True)
    again = read_predictions(folders[1])
    np.testing.assert_allclose(again.outputs, saved.outputs, atol=1e-5)
    assert (again.digests == saved.digests).all()
    splits[1] = Split(splits[1].images, splits[1].labels[::-1].copy())
    (folders[1] / FILE).unlink()
    with pytest.raises(ValueError, match="images have changed: other labels"):
        compare(folders, predict=True)
