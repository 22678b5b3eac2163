"""The command line as a user meets it; every mistake is one line that helps."""

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from keras_hybrid import models, program
from keras_hybrid.cli import main
from keras_hybrid.program import run_recipe
from keras_hybrid.shipped_recipes import recipe_names
from keras_hybrid.train import Recipe
from keras_hybrid.train.learning_curve_options import LearningCurve
from keras_hybrid.train.recipe import field_owners
from keras_hybrid.train.tune_options import Tuning
from keras_hybrid.utils.card_fields import OF_MODEL
from keras_hybrid.utils.files import sha256

pytestmark = pytest.mark.backend_independent

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture
def trained(tmp_path):
    """A folder as a run leaves it, around an untrained model."""
    folder = tmp_path / "run"
    folder.mkdir()
    model = models.ATC(
        widths=(8, 8, 8), heads=(1, 1, 1), input_shape=(16, 16, 3), classes=3
    )
    model.save(folder / "model.keras")
    card = {"class_names": ["ant", "bee", "cow"], "preprocessing": {"crop": 1.0}}
    card |= {OF_MODEL: sha256(folder / "model.keras")}
    (folder / "card.json").write_text(json.dumps(card))
    return folder


@pytest.fixture
def image(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (40, 30, 3), dtype="uint8")
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    return tmp_path / "noise.png"


def error_of(capsys, *arguments):
    """The one line of the error message."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert ended.value.code not in (0, None)
    text = capsys.readouterr().err.strip()
    assert text.startswith("error: ") and "\n" not in text
    return text


def test_list_and_info(capsys):
    main(["list", "atc*"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(models.list_models("atc*")) and "2.87 M" in lines[0]
    main(["info", "cvt13"])
    out = capsys.readouterr().out
    assert "19,997,480" in out and "key_value_strides" in out and "0.485" in out


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_predict_names_the_classes(mode, trained, image, capsys):
    Image.open(image).convert(mode).save(image)
    main(["predict", str(trained), str(image), "--top", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{image}:" and len(lines) == 3
    name = lines[1].split()[-1]
    model = keras.models.load_model(trained / "model.keras")
    pixels = Image.open(image).convert("RGB")
    box = 0, 5, 30, 35  # the central square
    pixels = pixels.resize((16, 16), Image.Resampling.BICUBIC, box)
    pixels = np.asarray(pixels, "float32")[None]
    answer = keras.ops.convert_to_numpy(model(pixels))[0]
    assert name == ["ant", "bee", "cow"][answer.argmax()]
    assert f"{answer.max():.2%}" in lines[1]


def test_predict_takes_a_damaged_file_for_what_it_is(trained, image, capsys):
    whole = (trained / "model.keras").read_bytes()
    (trained / "model.keras").write_bytes(whole[: len(whole) // 2])
    text = error_of(capsys, "predict", trained, image)
    assert "truncated" in text
    text = error_of(capsys, "predict", trained / "none.keras", image)
    assert "There is no model at" in text
    (trained / "model.keras").unlink()
    assert "holds no model" in error_of(capsys, "predict", trained, image)
    (trained / "recipe.json").touch()
    text = error_of(capsys, "predict", trained, image)
    assert "its model.keras is gone" in text
    (trained / "card.json").unlink()  # as of a run that was stopped
    text = error_of(capsys, "predict", trained, image)
    assert "the command that began the run goes on" in text


def test_predict_takes_no_text_for_an_image(trained, capsys, tmp_path):
    (tmp_path / "note.png").write_text("hello")
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(trained), str(tmp_path / "note.png")])
    assert ended.value.code == 1
    printed = capsys.readouterr()
    assert "error: " in printed.out and "cannot be read as an image" in printed.out
    assert printed.err == "error: 1 of 1 files cannot be read.\n"


MICRO9 = ("depth=4", "gpsa_layers=3", "width=72", "heads=9", "patch_size=4")
MICRO9 = ("--options", *MICRO9, "position_embedding=False", "--image-size", "32")


def test_convert(tmp_path, capsys, golden):
    from safetensors.numpy import save_file

    golden = golden("convit_micro9")
    save_file(golden.state_dict, tmp_path / "convit.safetensors")
    start = ("convert", tmp_path / "convit.safetensors", "--out")
    text = error_of(capsys, *start, tmp_path / "x.h5", "--model", "convit_tiny")
    assert "must end in .keras" in text
    text = error_of(capsys, *start, tmp_path / "x.keras")
    assert "may be of any architecture: name it with --model" in text
    with pytest.raises(SystemExit):
        main([*map(str, start), str(tmp_path / "x.keras"), "--model", "cvt13"])
    text = capsys.readouterr().err
    assert "does not fit cvt13" in text and "missing: stage1_embedding" in text
    assert not (tmp_path / "x.keras").exists()

    out = tmp_path / "made" / "convit.keras"
    arguments = [*map(str, start), str(out), "--model", "convit_tiny", *MICRO9]
    with pytest.raises(SystemExit):  # never a network with a new classifier by chance
        main(arguments)
    assert "misshapen: head.weight (7, 72)" in capsys.readouterr().err
    main([*arguments, "--classes", "7"])
    head = keras.models.load_model(out).get_layer("head").bias
    np.testing.assert_array_equal(head, golden.state_dict["head.bias"])
    card = json.loads(out.with_suffix(".card.json").read_text())
    assert card["preprocessing"]["crop"] == 0.875
    text = error_of(capsys, *arguments)
    assert "use --overwrite" in text
    main([*arguments, "--classes", "3", "--overwrite"])
    assert "has 7 classes, not 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--grid", "4"), "--grid takes height x width, e.g. 4x9"),
        (("--options", "depth"), "--options takes field=value"),
        (("--image-size", "1", "2", "3"), "--image-size takes a side"),
        (("--which", "ema"), "has no weights under ema"),
    ],
)
def test_convert_explains_its_options(options, text, tmp_path, capsys, golden):
    from safetensors.numpy import save_file

    save_file(golden("convit_micro9").state_dict, tmp_path / "a.safetensors")
    start = ("convert", tmp_path / "a.safetensors", "--out", tmp_path / "a.keras")
    assert text in error_of(capsys, *start, "--model", "convit_tiny", *MICRO9, *options)


def test_unknown_model(capsys, tmp_path):
    text = error_of(capsys, "info", "atc31")
    assert "There is no model 'atc31'" in text and "atc13" in text
    workdir = tmp_path / "run"
    text = error_of(capsys, "train", "--model", "cvt12", "--workdir", workdir)
    assert "cvt13" in text


def test_wrong_model_options(capsys, tmp_path):
    workdir = tmp_path / "run"
    common = ("train", "--model", "atc3", "--workdir", workdir, "--model-options")
    assert "Did you mean 'strides'" in error_of(capsys, *common, "stride=2,2,2")
    assert "strides takes 3 values" in error_of(capsys, *common, "strides=2,2")


def test_missing_data(capsys, tmp_path):
    common = ("train", "--dataset", "cifar100", "--workdir", tmp_path / "run")
    text = error_of(capsys, *common, "--data-dir", tmp_path / "nowhere")
    assert "is not a folder" in text and "cifar100.npz" in text


def test_missing_data_without_a_network(tmp_path, capsys, monkeypatch):
    def refuse(*args, **kwargs):
        raise ConnectionError("no network")

    monkeypatch.setattr(keras.utils, "get_file", refuse)
    text = error_of(
        capsys,
        "train",
        "--dataset",
        "cifar100",
        "--data-dir",
        tmp_path,
        "--workdir",
        tmp_path / "run",
    )
    assert "could not be downloaded" in text and "Download https://" in text


def test_wrong_image_size(capsys, tmp_path):
    arrays = {
        f"x_{part}": np.zeros((80, 2, 2, 3), "uint8") for part in ("train", "test")
    }
    labels = {f"y_{part}": np.arange(80) % 8 for part in ("train", "test")}
    names = np.array([str(i) for i in range(8)])
    np.savez(tmp_path / "cifar100.npz", **arrays, **labels, fine_names=names)
    text = error_of(
        capsys,
        "train",
        "--dataset",
        "cifar100",
        "--data-dir",
        tmp_path,
        "--model",
        "cvt13",
        "--workdir",
        tmp_path / "run",
    )
    assert "too small" in text and "3 pixels or more" in text


def test_a_recipe_of_the_package_runs_by_name(tmp_path, monkeypatch, capsys):
    """As `python recipes/NAME.py` does, its choice of recipes included."""
    monkeypatch.chdir(tmp_path)
    assert set(recipe_names()) >= {"cifar100", "few_images", "transfer"}
    with pytest.raises(SystemExit):
        main(["train", "--recipe", "cifar100", "minutes", "--data-dir", "nowhere"])
    assert "nowhere is not a folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["train", "--recipe=cifr"])
    assert "is no file, and no recipe of this package" in capsys.readouterr().err


def test_unknown_recipe_field(capsys):
    with pytest.raises(SystemExit) as ended:
        run_recipe(Recipe(), "doc", ["--epoch", "3"])
    assert ended.value.code == 2
    text = capsys.readouterr().err.strip()
    assert text == (
        "error: There is no option --epoch. Did you mean --epochs? --help lists all."
    )


def test_a_long_option_has_a_short_name(capsys, monkeypatch):
    taken = []
    monkeypatch.setattr(program, "train_and_export", taken.append)
    for option in ("--accumulation", "--gradient-accumulation-steps"):
        run_recipe(Recipe(), "doc", [option, "4", "--mixup", "0.5"])
    assert taken == [Recipe.of(gradient_accumulation_steps=4, mixup=0.5)] * 2


@pytest.mark.parametrize(
    "path", [*ROOT.glob("keras_hybrid/train/*.py"), *ROOT.glob("recipes/*.py")]
)
def test_options_that_texts_name_exist(path):
    known = {"--" + name.replace("_", "-") for name in field_owners()}
    known |= {"--no-horizontal-flip", "--accumulation", "--only", "--help", "--from"}
    fields = dataclasses.fields(Tuning) + dataclasses.fields(LearningCurve)
    known |= {"--recipe", *("--" + x.name.replace("_", "-") for x in fields)}
    named = set(re.findall(r"--[a-z][a-z-]+", path.read_text()))
    assert named <= known, named - known


def test_help_reads_well():
    answer = subprocess.run(
        [sys.executable, "recipes/cifar100.py", "--help"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    for text in (
        "CIFAR-100 at 32x32",
        "recipe: full, minutes",
        "--label-smoothing",
        "(default: 300)",
    ):
        assert text in answer.stdout


def test_help_of_tune_has_the_groups_of_train(capsys):
    with pytest.raises(SystemExit):
        main(["tune", "--help"])
    text = capsys.readouterr().out
    assert " selection options " in text and "tuning." not in text
