"""Every recipe takes two steps, through its real loading code, on generated data."""

import importlib.util
import json
import pathlib

import numpy as np
import pytest
from PIL import Image

from keras_hybrid import models
from keras_hybrid.program import run_recipe, run_sweep
from tests.read_csv import rows_of
from tests.small import shrink

FOLDER = pathlib.Path(__file__).parents[2] / "recipes"
NAMES = sorted(path.stem for path in FOLDER.glob("[!_]*.py"))
SWEEPS = (
    "atc_tables",
    "convit_locality",
    "few_images",
    "low_data",
    "small_networks",
    "transfer",
)


def recipe_file(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def presets(name):
    """Name of a preset, its recipe; files with a single recipe have one, unnamed."""
    module = recipe_file(name)
    if hasattr(module, "RECIPES"):
        return [(name, preset) for preset in module.RECIPES]
    return [(name, None)]


def run(module, preset, *arguments):
    words = [word for word in (preset, *arguments) if word]
    if hasattr(module, "RECIPES"):
        run_recipe(module.RECIPES, module.__doc__, words)
    else:
        run_recipe(module.RECIPE, module.__doc__, words)


def thin(model):
    """--model-options that make a network small and keep its structure."""
    fields = shrink(models.get(model))
    return [
        f"{key}={str(value).strip('()').replace(' ', '')}"
        for key, value in fields.items()
    ]


# -- generated data, in the published layouts ---------------------------------------


def pixels(count, side, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, side, side, 3), dtype="uint8")


def cifar(folder, classes, name):
    labels = np.arange(2 * classes) % classes
    arrays = {"fine_names": np.array([f"class {i}" for i in range(classes)])}
    for part in ("train", "test"):
        arrays |= {f"x_{part}": pixels(len(labels), 32), f"y_{part}": labels}
    np.savez(folder / f"{name}.npz", **arrays)


def galaxy10(folder):
    import h5py

    with h5py.File(folder / "Galaxy10_DECals.h5", "w") as file:
        file["images"] = pixels(40, 256)
        file["ans"] = np.arange(40, dtype="uint8") % 10


def tiny_imagenet(folder):
    root = folder / "tiny-imagenet-200"
    wnids = [f"n{i:08d}" for i in range(4)]
    images = iter(pixels(40, 64))
    (root / "val" / "images").mkdir(parents=True)
    (root / "wnids.txt").write_text("\n".join(wnids) + "\n")
    (root / "words.txt").write_text("".join(f"{n}\tthing {n}, it\n" for n in wnids))
    answers = ""
    for wnid in wnids:
        place = root / "train" / wnid / "images"
        place.mkdir(parents=True)
        for i in range(6):
            Image.fromarray(next(images)).save(place / f"{wnid}_{i}.JPEG")
        Image.fromarray(next(images)).save(root / "val" / "images" / f"{wnid}.JPEG")
        answers += f"{wnid}.JPEG\t{wnid}\t0\t0\t62\t62\n"
    (root / "val" / "val_annotations.txt").write_text(answers)


def image_folder(folder, test="test"):
    images = iter(pixels(60, 40))
    for part, count in (("train", 8), (test, 2)):
        for name in ("ant", "bee", "cow"):
            place = folder / part / name
            place.mkdir(parents=True)
            for i in range(count):
                Image.fromarray(next(images)).save(place / f"{i}.png")


def write_numbers(folder):
    """A table with the mean pixel of every image of `image_folder`."""
    lines = ["file,label,split"]
    for path in sorted(folder.rglob("*.png")):
        name = path.relative_to(folder).as_posix()
        mean = np.asarray(Image.open(path)).mean()
        lines.append(f"{name},{mean:.4f},{name.split('/')[0]}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


DATA = {
    "atc_tables": lambda folder: cifar(folder, 100, "cifar100"),
    "cifar10": lambda folder: cifar(folder, 10, "cifar10"),
    "cifar100": lambda folder: cifar(folder, 100, "cifar100"),
    "digits": lambda folder: None,
    "finetune": lambda folder: cifar(folder, 100, "cifar100"),
    "galaxy10": galaxy10,
    "image_folder": image_folder,
    "imagenet": lambda folder: image_folder(folder, "val"),
    "low_data": lambda folder: cifar(folder, 100, "cifar100"),
    "tiny_imagenet": tiny_imagenet,
}
# What makes two steps of each: datasets differ in size, networks in what they take.
SETTINGS = {
    "cifar10": ["--batch-size", "8"],
    "cifar100": ["--batch-size", "80"],
    "digits": ["--batch-size", "500"],
    "finetune": ["--batch-size", "80", "--image-size", "48"],
    "galaxy10": ["--batch-size", "16", "--image-size", "64"],
    "image_folder": ["--batch-size", "10", "--image-size", "32"],
    "imagenet": ["--batch-size", "12", "--image-size", "64", "--validation-split", "0"],
    "tiny_imagenet": ["--batch-size", "10", "--validation-split", "0"],
}


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    "name,preset",
    [pair for name in NAMES if name not in SWEEPS for pair in presets(name)],
)
def test_two_steps(name, preset, tmp_path):
    module = recipe_file(name)
    recipe = module.RECIPES[preset] if preset else module.RECIPE
    data, work = tmp_path / "data", tmp_path / "run"
    data.mkdir()
    DATA[name](data)
    if recipe.data.task == "regression":
        write_numbers(data)
    arguments = ["--epochs", "1", "--warmup-epochs", "0", "--workdir", str(work)]
    model = recipe.network.model
    if model == "auto":
        arguments += ["--model", model := "resnet9"]
    arguments += ["--model-options", *thin(model)]
    if name != "digits":
        arguments += ["--data-dir", str(data)]
    if recipe.runtime.export:
        arguments += ["--export"]  # exports have tests of their own
    if name == "finetune":
        source = tmp_path / "source.keras"
        builder = models.get(recipe.network.model).builder
        fields = shrink(models.get(recipe.network.model))
        builder(classes=7, input_shape=(64, 64, 3), **fields).save(source)
        arguments += ["--weights", str(source)]
    run(module, preset, *arguments, *SETTINGS[name])

    (line,) = (work / "metrics.jsonl").read_text().splitlines()
    assert np.isfinite(json.loads(line)["loss"])
    card = json.loads((work / "card.json").read_text())
    assert card["recipe"]["augmentation"]["mixup"] == recipe.augmentation.mixup
    if recipe.data.task == "regression":
        assert card["metrics"]["test_mae"] > 0
    else:
        assert 0 <= card["metrics"]["test_accuracy"] <= 1
    assert (work / "report.html").stat().st_size > 10_000
    assert (work / "model.keras").exists()


@pytest.mark.backend_independent
def test_low_data(tmp_path):
    cifar(tmp_path, 100, "cifar100")
    module = recipe_file("low_data")
    words = ["--only", "vit-0.5", "convit-0.5", "convit-1", "--epochs", "1"]
    words += ["--warmup-epochs", "0", "--batch-size", "50", "--validation-split", "0"]
    words += ["--data-dir", str(tmp_path), "--workdir", str(tmp_path / "sweep")]
    sweep(module, "draw", words, thinned(module, keep_options=True))
    rows = rows_of(tmp_path / "sweep" / "runs.csv")
    assert [row["run"] for row in rows] == ["vit-0.5", "convit-0.5", "convit-1"]
    assert [row["epochs"] for row in rows] == ["2", "2", "1"]
    assert (tmp_path / "sweep" / "low_data.png").stat().st_size > 5_000
    # complete: the second time nothing is trained
    times = [path.stat().st_mtime_ns for path in tmp_path.glob("sweep/*/model.keras")]
    sweep(module, "draw", words, thinned(module, keep_options=True))
    again = [path.stat().st_mtime_ns for path in tmp_path.glob("sweep/*/model.keras")]
    assert times == again and len(times) == 3


@pytest.mark.backend_independent
def test_few_images(tmp_path, capsys):
    cifar(tmp_path, 100, "cifar100")
    module = recipe_file("few_images")
    words = ["--only", "resnet9*-0", "resnet9-1", "--epochs", "1", "--minutes", "None"]
    words += ["--warmup-epochs", "0", "--batch-size", "50", "--per-class", "1"]
    words += ["--data-dir", str(tmp_path), "--workdir", str(tmp_path / "sweep")]
    thin = ("widths=8,8,8", "stem_width=4", "head_width=4")
    sweep(module, "tabulate", [*words, "--model-options", *thin])
    rows = {row["run"]: row for row in rows_of(tmp_path / "sweep" / "runs.csv")}
    assert set(rows) == {"resnet9-0", "resnet9-1", "resnet9_hybrid-0"}
    table = rows_of(tmp_path / "sweep" / "table.csv")
    assert [row["seeds"] for row in table] == ["2", "1"]
    two = [float(rows[f"resnet9-{seed}"]["test_accuracy"]) for seed in (0, 1)]
    mean, spread = map(float, table[0]["test_accuracy"].split(" ± "))
    assert mean == pytest.approx(np.mean(two), rel=1e-3)
    assert spread == pytest.approx(np.std(two, ddof=1), rel=0.06)
    assert float(rows["resnet9-0"]["training_cpu_seconds"]) > 0
    assert "| resnet9_hybrid | 1 |" in capsys.readouterr().out


@pytest.mark.backend_independent
def test_transfer(tmp_path):
    """Fine-tuning starts from what pretraining leaves, on other classes."""
    cifar(tmp_path, 100, "cifar100")
    module = recipe_file("transfer")
    words = ["--only", "pretraining", "*-0", "--epochs", "1", "--minutes", "None"]
    words += ["--warmup-epochs", "0", "--batch-size", "10", "--per-class", "1"]
    words += ["--data-dir", str(tmp_path), "--workdir", str(tmp_path / "sweep")]
    thin = ("widths=8,8,8", "stem_width=4")
    sweep(module, "tabulate", [*words, "--model-options", *thin])
    table = rows_of(tmp_path / "sweep" / "table.csv")
    assert [row["start"] for row in table] == ["scratch", "fine-tuning"]
    cards = {
        name: json.loads((tmp_path / "sweep" / name / "card.json").read_text())
        for name in ("pretraining", "scratch-0", "fine-tuning-0")
    }
    names = {k: set(card["class_names"]) for k, card in cards.items()}
    assert (
        len(names["pretraining"]) == 90
        and not names["pretraining"] & names["scratch-0"]
    )
    assert names["scratch-0"] == names["fine-tuning-0"]
    weights = cards["fine-tuning-0"]["recipe"]["network"]["weights"]
    assert weights == str(tmp_path / "sweep" / "pretraining" / "model.keras")


@pytest.mark.backend_independent
def test_atc_tables(tmp_path, capsys):
    cifar(tmp_path, 100, "cifar100")
    module = recipe_file("atc_tables")
    words = ["--only", "MLP*", "--epochs", "1", "--warmup-epochs", "0"]
    words += ["--batch-size", "90", "--data-dir", str(tmp_path)]
    sweep(module, "tabulate", [*words, "--workdir", str(tmp_path / "sweep")])
    table = capsys.readouterr().out
    assert "| 6 | MLP+Res | 2868516 | - |" in table
    (row,) = rows_of(tmp_path / "sweep" / "atc_tables.csv")
    assert row["network"] == "MLP+Res" and row["epochs"] == "1"


@pytest.mark.backend_independent
def test_small_networks_ranks_by_the_images_held_out(tmp_path, capsys):
    cifar(tmp_path, 200, "cifar100")
    module = recipe_file("small_networks")
    words = ["--only", "atc", "coatnet", "--epochs", "1", "--warmup-epochs", "0"]
    words += [
        "--batch-size",
        "50",
        "--validation-split",
        "0.5",
        "--data-dir",
        str(tmp_path),
    ]
    words += ["--workdir", str(tmp_path / "sweep")]
    sweep(module, "tabulate", words, thinned(module))
    rows = rows_of(tmp_path / "sweep" / "small_networks.csv")
    assert {row["run"] for row in rows} == {"atc", "coatnet"}
    accuracies = [float(row["validation_accuracy"]) for row in rows]
    assert accuracies == sorted(accuracies, reverse=True)
    assert all(float(row["images_per_second"]) > 0 for row in rows)


@pytest.mark.backend_independent
def test_small_networks_are_small():
    module = recipe_file("small_networks")
    for name, recipe in module.runs(module.RECIPE).items():
        model = models.get(recipe.network.model).builder(
            input_shape=(32, 32, 3), classes=100, **recipe.network.arguments()
        )
        assert 2.5e6 < model.count_params() <= 4e6, name


@pytest.mark.backend_independent
def test_convit_locality(tmp_path):
    cifar(tmp_path, 100, "cifar100")
    module = recipe_file("convit_locality")
    words = ["--only", "1-0", "0.1-3", "--model-options", "depth=4", "width=36"]
    words += ["--epochs", "1", "--warmup-epochs", "0", "--batch-size", "50"]
    words += ["--validation-split", "0", "--log-attention-images", "8"]
    words += ["--data-dir", str(tmp_path), "--workdir", str(tmp_path / "sweep")]
    sweep(module, "draw", words)
    for picture in ("sweep.png", "1-0/d_loc.png", "0.1-3/d_loc.png", "0.1-3/gate.png"):
        assert (tmp_path / "sweep" / picture).stat().st_size > 5_000
    assert not (tmp_path / "sweep/1-0/gate.png").exists()
    rows = rows_of(tmp_path / "sweep/0.1-3/locality.csv")
    # before and after one epoch: four layers of nine heads, three of them gated
    assert len(rows) == 2 * 4 * 9
    assert {row["epoch"] for row in rows} == {"0", "1"}
    assert sum(bool(row["gate"]) for row in rows) == 2 * 3 * 9


def sweep(module, finish, words, runs=None):
    runs = runs or module.runs
    run_sweep(module.RECIPE, module.__doc__, runs, getattr(module, finish), words)


def thinned(module, keep_options=False):
    """The module's runs, with small networks; their own options may override these."""

    def runs(recipe):
        found = {}
        for name, run in module.runs(recipe).items():
            kept = run.network.model_options if keep_options else ()
            small = thin(run.network.model)
            found[name] = run.replace(model_options=(*small, *kept))
        return found

    return runs


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    "name,run_name",
    [
        ("atc_tables", "ATC(Res) 15"),
        ("convit_locality", "0.1-9"),
        ("few_images", "resnet18_small-2"),
        ("low_data", "cvt13-0.05"),
        ("small_networks", "coatnet"),
    ],
)
def test_a_sweep_names_its_runs(name, run_name, capsys):
    module = recipe_file(name)
    finish = "draw" if hasattr(module, "draw") else "tabulate"
    with pytest.raises(SystemExit):
        sweep(module, finish, ["--only", "no such run"])
    assert run_name in capsys.readouterr().err


@pytest.mark.backend_independent
def test_every_row_of_the_tables_has_its_size():
    """Parameters in millions as the report prints them; two rows fit no design."""
    reported = {"ATC 3": 2.9, "ATC 9": 12.0, "ATC 13": 19.2, "ATC 15": 19.7}
    reported |= {"ATC 5 (1,1,3)": 6.4, "ATC 5 (1,3,1)": 3.3, "ATC 5 (3,1,1)": 2.9}
    reported |= {"ATC(Res) 3": 3.3, "ATC(Res) 15": 20.1}
    rows = recipe_file("atc_tables").ROWS
    for name, millions in reported.items():
        assert round(models.get(rows[name][2]).parameters / 1e6, 1) == millions


@pytest.mark.backend_independent
@pytest.mark.parametrize("name", NAMES)
def test_help_reads_well(name, capsys):
    module = recipe_file(name)
    with pytest.raises(SystemExit) as stop:
        if name in SWEEPS:
            run_sweep(module.RECIPE, module.__doc__, module.runs, None, ["--help"])
        else:
            run(module, presets(name)[0][1], "--help")
    assert stop.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for words in ("--epochs", "--mixup", "--data-dir", "Passes over the training"):
        assert words in text


@pytest.mark.backend_independent
@pytest.mark.parametrize("name", NAMES)
def test_recipes_are_short_and_say_what_they_need(name):
    text = (FOLDER / f"{name}.py").read_text()
    assert len(text.splitlines()) <= 80
    assert f"python recipes/{name}.py" in text.split('"""')[1]
