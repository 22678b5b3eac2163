"""The end of a run is tried before its first epoch; names may be any that files have."""

import errno
import json
import time

import keras
import numpy as np
import pytest
from PIL import Image

from keras_hybrid.cli import main
from keras_hybrid.data import Dataset, load
from keras_hybrid.program import run_sweep
from keras_hybrid.train import Recipe, dry_run, find_lr, range_test, room, run
from keras_hybrid.train import rehearse as module
from keras_hybrid.train.tasks import Classification, get_task
from keras_hybrid.utils.files import explain_full_disk
from tests.read_csv import rows_of
from tests.test_cli import error_of
from tests.train.tiny import images, network, recipe, run_on

pytestmark = pytest.mark.backend_independent
NAMES = (
    *("$x_{1$", "100% {} #:\\ \"'", "<b>&amp;", "\U0001f41c\U0001f41d", "\u87fb\u732b"),
    *("\u0646\u0645\u0644\u0629", "ends in dots..", "ends in blanks  ", "n" * 200),
    b"caf\xe9",
)
READABLE = ("ends in blanks", "caf\\xe9")


@pytest.fixture
def blobs(monkeypatch, tmp_path):
    """A recipe of two epochs, whose workdir does not exist."""
    split = images(size=16)

    def load_blobs(data_dir, image_size, corrupt):
        return Dataset("blobs", split, split, tuple("abc"))

    fields = {
        "epochs": 2,
        "warmup_epochs": 0,
        "batch_size": 4,
        "validation_split": 0.25,
    }
    return run_on(load_blobs, monkeypatch, tmp_path / "new" / "run", **fields)


@pytest.fixture
def failing(monkeypatch):
    """The last part of the report fails, as with a font or a task of someone's own."""

    def add_sections(*_):
        raise UnicodeError("no glyph\nfor this")

    monkeypatch.setattr(Classification, "add_sections", add_sections)


def save_folder(root, names):
    """Three images of each class; the files of the last one have odd names, too."""
    rng = np.random.default_rng(0)
    for name in names:
        raw = name if isinstance(name, bytes) else name.encode()
        folder = root / raw.decode("utf-8", "surrogateescape")
        folder.mkdir(parents=True)
        for i in range(3):
            pixels = rng.integers(0, 256, (16, 16, 3), dtype="uint8")
            end = '\udce9 \U0001f41c, "$' if name == names[-1] else ""
            with open(folder / f"{i}{end}.png", "wb") as file:
                Image.fromarray(pixels).save(file, "png")


def test_any_names_last_to_the_end(tmp_path, capsys):
    """Of classes, images, the folder of the images and the workdir."""
    photos, work = tmp_path / "ph\udcf6tos $x$", tmp_path / "w\udcf6rk ${\U0001f41c"
    save_folder(photos, NAMES)
    words = ["--dataset", "folder", "--data-dir", str(photos), "--image-size", "16"]
    words += ["--model", "resnet9", "--model-options", "widths=8,8,8", "stem_width=4"]
    words += ["--epochs", "1", "--batch-size", "8", "--workdir", str(work)]
    main(["train", *words])
    card = json.loads((work / "card.json").read_text())
    assert {*READABLE, "$x_{1$", "n" * 200} < set(card["class_names"])
    page = (work / "report.html").read_text("utf-8")
    assert "&lt;b&gt;&amp;amp;" in page and "\u87fb\u732b" in page
    fields = {"image_size": 16, "manifest": work / "manifest.csv"}
    again = load("folder", photos, **fields)
    assert again.class_names == tuple(card["class_names"])
    assert len(again.train) + len(again.test) == 3 * len(NAMES)
    capsys.readouterr()
    main(["evaluate", str(work), str(photos), "--out", str(tmp_path / "out")])
    assert "Accuracy" in capsys.readouterr().out


def test_two_folders_that_differ_in_blanks(tmp_path, capsys):
    save_folder(tmp_path / "photos", ("ant", "ant ", "bee"))
    words = ["--dataset", "folder", "--data-dir", tmp_path / "photos"]
    assert "differ in blanks" in error_of(capsys, "train", *words)


def test_a_name_of_two_lines_is_refused(tmp_path):
    save_folder(tmp_path / "photos", ("ant", "bee", "c\nd"))
    with pytest.raises(
        ValueError, match=r"'.*c\\nd/0.*' has the end of a line .* rename"
    ):
        load("folder", tmp_path / "photos", image_size=16)
    split = images()
    with pytest.raises(ValueError, match=r"class name 'b\\nc' has the end of a line"):
        Dataset("blobs", split, split, ("a", "b\nc", "d"))


def test_an_end_that_fails_costs_no_epoch(blobs, failing):
    message = r"could not be written after training: UnicodeError: no glyph$"
    with pytest.raises(ValueError, match=message):
        run(blobs)
    assert not blobs.directory.parent.exists()


def test_an_end_that_fails_leaves_the_run_before(blobs, monkeypatch):
    card = run(blobs).card
    found = {"headline": {"text": [], "x": {1, 2}}}  # no JSON
    monkeypatch.setattr(Classification, "summarize_test", lambda *_: found)
    with pytest.raises(ValueError, match=r"TypeError: .*set is not JSON"):
        run(blobs.replace(overwrite=True, epochs=3))
    assert json.loads((blobs.directory / "card.json").read_text()) == card
    left = {x.name for x in blobs.directory.iterdir()}
    assert "model.keras" in left and not any(x.startswith(".part") for x in left)


def test_the_rehearsal_is_cheap(tmp_path):
    """It takes as long with 20 classes as with any number."""
    labels = np.arange(60) % 20
    split = type(images())(images(60).images, labels)
    dataset = Dataset("blobs", split, split, tuple(map(str, range(20))))
    settings = recipe(model="resnet9")
    model = network()
    module.rehearse(settings, tmp_path, dataset, model, split)  # imports matplotlib
    began = time.process_time()
    module.rehearse(settings, tmp_path, dataset, model, split)
    assert time.process_time() - began < 2
    assert not list(tmp_path.iterdir())


def test_a_disk_without_room_is_said_before(tmp_path, monkeypatch):
    usage = type("usage", (), {"total": 10**9, "free": 10})
    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ValueError, match=r" 1 KiB free, .* take about .* make room"):
        room.check_room(tmp_path, network(), Recipe())
    usage.free = room.disk_bytes(network(), Recipe())
    room.check_room(tmp_path, network(), Recipe())
    room.check_room(tmp_path, network(), Recipe.of(optimizer="sgd", warmup_epochs=0))
    room.check_room(tmp_path, network(), Recipe.of(lora_rank=2, keep_best="accuracy"))
    for more in (
        {"export": ("litert",)},
        {"ema_momentum": 0.9},
        {"gradient_accumulation_steps": 2},
        {"keep_best": "accuracy"},
    ):
        with pytest.raises(ValueError, match="make room"):
            room.check_room(tmp_path, network(), Recipe.of(**more))
    with pytest.raises(ValueError, match="make room"):
        room.check_room(tmp_path, network(), Recipe(), results=2000)
    (tmp_path / "checkpoint.npz").write_bytes(bytes(2000))  # of a stopped run
    room.check_room(tmp_path, network(), Recipe(), results=2000)
    usage.total = usage.free = 0  # a file system that does not know
    room.check_room(tmp_path, network(), Recipe())


def test_results_beyond_the_room_are_said_before(tmp_path, monkeypatch):
    """By the size that they have in the rehearsal, report and curves included."""
    usage = type("usage", (), {"total": 10**9, "free": 0})
    usage.free = room.disk_bytes(network(), recipe()) + 9
    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: usage)
    split = images()
    dataset = Dataset("blobs", split, split, tuple("abc"))
    with pytest.raises(ValueError, match="results of this run take about"):
        module.rehearse(recipe(), tmp_path, dataset, network(), None)


def test_results_that_do_not_fit_are_said_in_one_line(tmp_path, monkeypatch):
    def write(*_):
        with explain_full_disk(tmp_path / "report.html"):
            raise OSError(errno.EFBIG, "File too large")

    monkeypatch.setattr(module, "write_results", write)
    split = images()
    dataset = Dataset("blobs", split, split, tuple("abc"))
    with pytest.raises(ValueError, match=r"cannot hold .*File too large; make room"):
        module.rehearse(recipe(), tmp_path, dataset, network(), None)
    assert not list(tmp_path.iterdir())


def test_a_clock_before_the_archives(tmp_path, monkeypatch):
    """As of a machine without a battery: zip files begin with 1980."""
    monkeypatch.setattr(module.time, "localtime", lambda: time.gmtime(0))
    split = images()
    dataset = Dataset("blobs", split, split, tuple("abc"))
    with pytest.raises(ValueError, match=r"says 1970, .* set it"):
        module.rehearse(recipe(), tmp_path, dataset, network(), None)


def test_a_dry_run_says_what_a_run_would_do(blobs):
    found = dry_run(blobs)
    assert not blobs.directory.parent.exists()
    assert found.images["for training"] == 18 and found.images["for the test"] == 24
    assert found.epochs == 2 and found.steps_per_epoch == 4 and found.seconds > 0
    text = found.text()
    assert "2 epochs of 4 steps of 4 images" in text and "report.html" in text
    with pytest.raises(ValueError, match=r"An epoch takes about .*--minutes are left"):
        dry_run(blobs.replace(minutes=1e-4, epochs=0, warmup_epochs=None))


def test_a_dry_run_finds_an_end_that_fails(blobs, failing):
    with pytest.raises(ValueError, match="could not be written after training"):
        dry_run(blobs)


def test_a_dry_run_leaves_a_stopped_run_alone(blobs):
    run(blobs)
    before = {x: x.read_bytes() for x in blobs.directory.iterdir()}
    dry_run(blobs)
    with pytest.raises(ValueError, match="holds a run of other settings"):
        dry_run(blobs.replace(padding=1))
    found = find_lr(blobs)
    assert {x: x.read_bytes() for x in blobs.directory.iterdir()} == before
    assert found.directory == blobs.directory.with_name("run-find-lr")
    rows = rows_of(found.directory / range_test.TABLE)
    assert len(rows) == len(found.losses) > 20
    assert float(rows[-1]["learning_rate"]) > 1e3 * float(rows[0]["learning_rate"])
    assert (found.directory / range_test.PLOT).stat().st_size > 5_000
    find_lr(blobs)  # again, in the folder of the one before


@pytest.mark.parametrize("option", ["--dry-run", "--find-lr"])
def test_many_networks_take_no_dry_run(option, tmp_path, capsys):
    words = ["--dataset", "digits", "--workdir", tmp_path / "run", option]
    assert "give --fold 1" in error_of(capsys, "train", *words, "--folds", "3")
    more = ["--refit", "--keep-best", "accuracy"]
    assert "leave out --refit" in error_of(capsys, "train", *words, *more)
    assert "tune does not take" in error_of(capsys, "tune", *words)
    shared = Recipe.of(workdir=str(tmp_path / "run"))
    with pytest.raises(SystemExit):
        run_sweep(shared, "", lambda x: {"one": x}, print, [option])
    assert "sweep does not take" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_rate_where_the_loss_falls_fastest():
    """A loss that falls around 1e-3, rises above 0.1, and is noisy."""
    rates = np.geomspace(1e-6, 10, range_test.STEPS)
    x = np.log10(rates)
    losses = 2 - 1.5 / (1 + np.exp(-4 * (x + 3))) + 5 / (1 + np.exp(-6 * (x + 0.5)))
    losses += np.random.default_rng(0).normal(0, 0.02, len(x))
    assert 4e-4 < range_test.suggest(rates, losses) < 2.5e-3
    assert range_test.suggest(rates, 2 + x - x[0]) is None


def test_one_low_loss_is_no_fastest_fall():
    """The loss falls around 1e-3; the lowest average ends with an outlier."""
    rates = np.geomspace(1e-6, 10, range_test.STEPS)
    x = np.log10(rates)
    losses = 2 - 1 / (1 + np.exp(-4 * (x + 3)))
    outlier = int(np.searchsorted(x, -1))
    losses[outlier] = 0
    losses[outlier + 1 :] = 5
    assert 4e-4 < range_test.suggest(rates, losses) < 2.5e-3


@pytest.mark.parametrize("task", ["classification", "regression", "multilabel"])
def test_every_task_has_a_rehearsal(task, tmp_path):
    rng = np.random.default_rng(0)
    labels = {
        "classification": np.arange(24) % 3,
        "regression": rng.normal(size=(24, 1)),
        "multilabel": rng.integers(0, 2, (24, 3)),
    }[task]
    names = ("size $",) if task == "regression" else ("$a$", "b", "c")
    split = type(images())(images().images, labels)
    dataset = Dataset("blobs", split, split, names, task)
    settings = recipe(task=task, model="resnet9")
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(len(names), name="head")(
        keras.layers.Flatten()(inputs)
    )
    model = get_task(task).complete(keras.Model(inputs, outputs), dataset)
    module.rehearse(settings, tmp_path, dataset, model, split)
    assert not list(tmp_path.iterdir())
