"""A format and a layer from outside the package, used by the commands."""

import gzip
import importlib
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from keras_hybrid import export
from keras_hybrid.cli import main
from keras_hybrid.export import formats
from tests.installed import install

for _package in ("torch", "onnx", "onnxscript", "onnxruntime"):
    pytest.importorskip(_package)
pytestmark = pytest.mark.backend_independent
ENTRY_POINTS = """\
[keras_hybrid.models]
toy = toy_format
[keras_hybrid.export_formats]
onnx_gzip = toy_format:FORMAT
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The module, installed in a folder of its own and imported."""
    module = pathlib.Path(__file__).with_name("toy_format.py")
    folder = install(tmp_path / "installed", module, ENTRY_POINTS)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    monkeypatch.setattr(formats, "FORMATS", dict(formats.FORMATS))
    yield importlib.import_module("toy_format")
    sys.modules.pop("toy_format", None)


def saved(toy, folder):
    """A file with a layer of the toy package, and an image."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(4, 3)(toy.Double()(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(2, name="head")(x)
    keras.Model(inputs, keras.layers.Softmax()(x)).save(folder / "model.keras")
    (folder / "card.json").write_text(json.dumps({"class_names": ["a", "b"]}))
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype="uint8")
    Image.fromarray(pixels).save(folder / "image.png")


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "keras_hybrid", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands_export_verify_and_predict(toy, tmp_path, capsys):
    saved(toy, tmp_path)
    ended = command("export", tmp_path, "--formats", "onnx_gzip")
    assert ended.returncode == 0, ended.stderr
    file = tmp_path / "model.onnx.gz"
    assert gzip.decompress(file.read_bytes())
    artefact = json.loads((tmp_path / f"{file.name}.card.json").read_text())["artefact"]
    assert artefact["format"] == "onnx_gzip" and artefact["max_difference"] < 1e-5
    assert export.verify(file)[0].max_difference < 1e-5
    answers = []
    for model in (tmp_path, file):
        main(["predict", str(model), str(tmp_path / "image.png")])
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1] and "%  a" in answers[0]


def test_a_layer_of_no_plugin_is_refused(toy, tmp_path, monkeypatch):
    saved(toy, tmp_path)
    monkeypatch.delenv("PYTHONPATH")
    ended = command("predict", tmp_path, tmp_path / "image.png")
    assert ended.returncode == 2
    assert "made with toy_format.Double" in ended.stderr.splitlines()[-1]


def test_names_are_taken_once_and_openers_are_needed(toy, tmp_path):
    export.register_format("mine", toy.FORMAT)
    for name in ("mine", "onnx"):
        with pytest.raises(ValueError, match="is taken"):
            export.register_format(name, toy.FORMAT)
    with pytest.raises(ValueError, match="has no opener"):
        export.register_format("closed", formats.FORMATS["onnx"])
    with pytest.raises(ValueError, match=r"one of saved_model.*onnx_gzip, not 'x'"):
        export.export(tmp_path / "model.keras", ["x"], tmp_path)
