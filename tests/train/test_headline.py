"""The headline of a test: intervals, the baseline, and what is seen in training."""

import json
import pathlib

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import balanced_accuracy_score

from keras_hybrid.cli import main
from keras_hybrid.data import Dataset, Split
from keras_hybrid.program import train_and_export
from keras_hybrid.train import Recipe, run
from keras_hybrid.train.bootstrap import accuracy_intervals
from keras_hybrid.train.choose import choose_keep_best
from keras_hybrid.train.headline import headline
from keras_hybrid.train.summarize_test import headline_lines, summarize_test
from tests.read_csv import rows_of
from tests.train.tiny import interrupting

pytestmark = pytest.mark.backend_independent

NAMES = ("ant", "bee")
SMALL = {"model": "resnet9", "model_options": ("widths=8,8,8", "stem_width=4")}


def rare(share, count=200):
    """Labels of which a share is of the second class."""
    return (np.arange(count) < share * count).astype("int64")


def test_a_constant_answer_is_no_better_than_the_baseline():
    labels = rare(0.05)
    found = headline(labels, np.zeros(200, int), NAMES)
    first, verdict = found.lines()
    assert verdict == "This is no better than always answering ant."
    assert first.startswith("Accuracy 95.0 % (95 % interval 9")
    assert "balanced accuracy 50.0 % (95 % interval 50.0 to 50.0 %)" in first
    assert "on 200 images (ant 190, bee 10). Always answering ant" in first
    assert first.endswith("would reach 95.0 %.")
    assert found.as_dict()["text"] == found.lines()
    two = headline(rare(0.01), np.zeros(200, int), NAMES)  # samples may lack a class
    assert two.balanced_accuracy == (0.5, 0.5, 0.5)


def test_what_is_better_by_either_measure_has_no_verdict():
    labels = rare(0.05)
    assert headline(labels, labels, NAMES).verdict == ""
    wrong = np.arange(200) >= 180  # all rare ones found, 20 others taken for them
    balanced = headline(labels, np.where(wrong, 1, labels), NAMES)
    assert balanced.accuracy.value == 0.9 < balanced.majority_accuracy
    assert balanced.verdict == ""


def test_of_many_classes_the_extremes_are_named():
    labels = np.repeat(np.arange(10), [3, *[4] * 8, 6])
    (line,) = headline(labels, labels, [f"c{i}" for i in range(12)]).lines()
    assert "on 41 images (10 classes, 3 to 6 of each)" in line
    assert "Always answering c9 would reach 14.6 %" in line


def test_one_class_has_no_verdict():
    labels = np.zeros(10, int)
    assert headline(labels, labels, NAMES).verdict == ""


def test_few_images_do_not_show_that_it_is_better():
    labels = np.array([0, 0, 0, 1, 1])
    found = headline(labels, np.array([0, 0, 0, 1, 0]), NAMES)
    assert found.verdict == "This is not clearly better than always answering ant."


def test_intervals_are_those_of_the_bootstrap():
    rng = np.random.default_rng(3)
    labels = rng.choice(3, 400, p=(0.7, 0.2, 0.1))
    predictions = np.where(rng.random(400) < 0.75, labels, rng.integers(0, 3, 400))
    accuracy, balanced = accuracy_intervals(labels, predictions)
    assert accuracy.value == pytest.approx((labels == predictions).mean(), abs=1e-6)
    expected = balanced_accuracy_score(labels, predictions)
    assert balanced.value == pytest.approx(expected, abs=1e-6)
    error = np.sqrt(accuracy.value * (1 - accuracy.value) / 400)
    assert accuracy.high - accuracy.low == pytest.approx(2 * 1.96 * error, rel=0.1)
    drawn = rng.integers(0, 400, (2000, 400))
    scores = [balanced_accuracy_score(labels[x], predictions[x]) for x in drawn[:600]]
    ends = np.quantile(scores, (0.025, 0.975))
    np.testing.assert_allclose(balanced[1:], ends, atol=0.015)


def test_whole_groups_are_drawn():
    labels = np.zeros(200, int)
    predictions = np.repeat(np.arange(20) % 2, 10)  # groups are right or wrong at once
    alone, _ = accuracy_intervals(labels, predictions)
    grouped, _ = accuracy_intervals(labels, predictions, np.arange(200) // 10)
    ratio = (grouped.high - grouped.low) / (alone.high - alone.low)
    assert ratio == pytest.approx(np.sqrt(10), rel=0.3)


def test_all_right_or_all_wrong_has_the_exact_bound():
    labels = np.arange(20) % 2
    for found in accuracy_intervals(labels, labels):
        assert found == (1, pytest.approx(0.8316, abs=1e-4), 1)
    for found in accuracy_intervals(labels, 1 - labels):
        assert found == (0, 0, pytest.approx(0.1684, abs=1e-4))


def dataset(test_labels, copies=0):
    """Test images of which the first `copies` are training images."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (60, 4, 4, 3), dtype="uint8")
    others = rng.integers(0, 256, (len(test_labels), 4, 4, 3), dtype="uint8")
    others[:copies] = pixels[:copies]
    train = Split(pixels, np.arange(60) % 2)
    return Dataset("made", train, Split(others, test_labels), NAMES)


def test_a_card_has_scores_with_and_without_what_was_seen():
    labels = np.arange(40) % 2
    right = np.arange(40) < 25  # the ten copies among them
    probabilities = np.eye(2)[np.where(right, labels, 1 - labels)]
    card = summarize_test(dataset(labels, copies=10), probabilities)
    assert card["headline"]["accuracy"]["value"] == 0.625
    assert [x["support"] for x in card["test_classes"]] == [20, 20]
    unseen = card["test_unseen"]
    assert unseen["seen"] == 10 and unseen["metrics"]["accuracy"] == 0.5
    assert unseen["headline"]["images"] == 30
    lines = headline_lines(json.loads(json.dumps(card)))
    assert lines[2].startswith("10 of these test images are copies of training images")
    assert lines[3].startswith("Without them: accuracy 50.0 % (95 % interval")
    assert "test_unseen" not in summarize_test(dataset(labels), probabilities)
    everything = summarize_test(dataset(labels, copies=40), probabilities)
    assert everything["test_unseen"] == {"seen": 40}
    assert headline_lines(everything)[-1] == "No other test image is left."
    assert headline_lines({"metrics": {}}) == []


def unbalanced(first, second, **fields):
    labels = np.repeat([0, 1], [first, second])
    split = Split(np.zeros((first + second, 4, 4, 3), "uint8"), labels)
    recipe = Recipe.of(**{"validation_split": 0.2} | fields)
    return recipe, Dataset("made", split, split, NAMES)


def test_classes_out_of_balance_are_kept_by_balanced_accuracy(tmp_path, capsys):
    fields = {"workdir": str(tmp_path)}

    def chosen(first, second, **more):
        recipe = choose_keep_best(*unbalanced(first, second, **fields | more))
        return recipe.selection.keep_best

    assert chosen(100, 20) == "balanced_accuracy"
    assert capsys.readouterr().out == (
        "--keep-best balanced_accuracy: there are 80 training images of ant and 16 "
        "training images of bee.\n"
    )
    assert chosen(100, 20, validation_split=0.0) == "none"
    assert chosen(100, 20, validation_split=0.0, folds=5) == "balanced_accuracy"
    assert chosen(100, 1) == "none"  # none of bee to validate on
    assert chosen(100, 50) == "none"
    assert chosen(100, 20, keep_best="loss") == "loss"
    old = Recipe.of(keep_best="none", **fields)  # a run from before this choice
    (tmp_path / "recipe.json").write_text(json.dumps(old.as_dict()))
    assert chosen(100, 20) == "none"
    assert chosen(100, 20, overwrite=True) == "balanced_accuracy"


@pytest.fixture
def folder(tmp_path):
    """A small folder with a split; one test image is a training image."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 12), ("test", 3)):
        for name in NAMES:
            (tmp_path / "data" / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (16, 16, 3), dtype="uint8")
                file = tmp_path / "data" / part / name / f"{part}{i}.png"
                Image.fromarray(pixels).save(file)
    copy = (tmp_path / "data/train/ant/train0.png").read_bytes()
    (tmp_path / "data/test/ant/test0.png").write_bytes(copy)
    return tmp_path / "data"


def small_recipe(folder, **fields):
    defaults = SMALL | {"epochs": 1, "warmup_epochs": 0, "batch_size": 8}
    settings = defaults | {"dataset": "folder", "validation_split": 0.25} | fields
    work = folder.parent / "run"
    return Recipe.of(data_dir=str(folder), workdir=str(work), **settings)


def test_a_run_says_all_of_it(folder, capsys):
    recipe = small_recipe(folder)
    train_and_export(recipe)
    printed = capsys.readouterr().out
    card = json.loads((recipe.directory / "card.json").read_text())
    page = (recipe.directory / "report.html").read_text()
    for line in headline_lines(card):
        assert line in printed and line in page
    assert card["test_unseen"]["seen"] == 1
    assert "Without them: accuracy" in printed and "  manifest.csv" in printed
    rows = rows_of(recipe.directory / "manifest.csv")
    counts = [[x["split"] for x in rows].count(y) for y in ("train", "validation")]
    assert counts == [18, 6]
    assert {x["path"] for x in rows if x["split"] == "test"} == {
        pathlib.Path(x).relative_to(folder).as_posix()
        for x in map(str, (folder / "test").rglob("*.png"))
    }


def test_a_manifest_alone_is_no_run(folder):
    recipe = small_recipe(folder)
    with pytest.raises(KeyboardInterrupt):
        run(recipe, interrupting(0))
    files = {path.name for path in recipe.directory.iterdir()}
    assert "manifest.csv" in files and "metrics.jsonl" not in files
    run(recipe.replace(seed=1))  # other settings


def test_evaluate_takes_the_manifest_of_a_run(folder, capsys):
    recipe = small_recipe(folder, manifest=None)
    run(recipe)
    manifest = recipe.directory / "manifest.csv"
    capsys.readouterr()
    words = [str(recipe.directory), str(folder), "--manifest", str(manifest)]
    main(["evaluate", *words])
    printed = capsys.readouterr().out
    assert "6 images of 2 classes" in printed and "Always answering ant" in printed
    written = json.loads((recipe.directory / "evaluation/model.keras.json").read_text())
    card = json.loads((recipe.directory / "card.json").read_text())
    assert written["headline"]["text"] == card["headline"]["text"]


def test_folds_keep_groups_together(folder):
    pytest.importorskip("imagehash")
    train = folder / "train"
    for image in list(train.rglob("*.png")):
        number = int(image.stem.removeprefix("train"))
        image.rename(image.with_name(f"clip{number // 3}x{number}.png"))
    recipe = small_recipe(folder, group_by=r"train/(\w+/clip\d)", folds=2)
    card = run(recipe).card
    assert card["test_unseen"]["seen"] == 1
    sides = []
    for fold in ("fold1", "fold2"):
        rows = rows_of(recipe.directory / fold / "manifest.csv")
        parts = [
            {x["group"] for x in rows if x["split"] == y}
            for y in ("train", "validation")
        ]
        assert len(parts[0]) == len(parts[1]) == 4 and not parts[0] & parts[1]
        sides.append(parts[1])
    assert not sides[0] & sides[1]
    assert len(rows_of(recipe.directory / "manifest.csv")) == 30
