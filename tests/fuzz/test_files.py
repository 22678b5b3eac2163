"""Mutants of every file that is read without its framework's own runtime.

More of them by hand: KERAS_HYBRID_MUTANTS=100000 python -m pytest tests/fuzz
"""

import dataclasses
import io
import json
import zipfile

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.data.cifar import load_cifar
from keras_hybrid.export.check_saved_model import check_saved_model
from keras_hybrid.export.model_card import read_card
from keras_hybrid.models.keras_file import load_keras
from keras_hybrid.train import Recipe
from keras_hybrid.train.checkpoint import restore_variables, save_variables
from keras_hybrid.train.metrics_logger import read_metrics
from keras_hybrid.weights import source
from tests.export.saved_model_bytes import call, function, node, saved_model
from tests.fuzz.attempts import attempt_all
from tests.fuzz.mutants import COUNT, damaged, damaged_json

pytestmark = pytest.mark.backend_independent
CARD = {
    "model": "atc3",
    "dataset": "digits",
    "class_names": ["ant", "bee"],
    "input_shape": [8, 8, 3],
    "preprocessing": {"crop": 1.0, "mean": [0.5], "std": [0.5], "fit": "crop"},
    "metrics": {"test_accuracy": 0.5},
    "tta": "none",
}


def network():
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.Conv2D(2, 3, name="conv")(inputs)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(3, name="head")(x))


def test_keras_files(tmp_path):
    """Damage to the archive, and to members of an archive that is whole."""
    file = tmp_path / "x.keras"
    network().save(file)
    whole = file.read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def make(seed):
        if seed % 3 == 0:
            return damaged(whole, seed // 3)
        changed = dict(members)
        if seed % 3 == 1:
            config = damaged_json(json.loads(members["config.json"]), seed // 3)
            changed["config.json"] = json.dumps(config).encode()
        else:
            name = "model.weights.h5"
            changed[name] = damaged(members[name], seed // 3)
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for name, member in changed.items():
                archive.writestr(name, member)
        return content.getvalue()

    assert attempt_all(make, load_keras, file) > COUNT / 3


def test_weights_of_keras(tmp_path):
    model = network()
    file = tmp_path / "x.weights.h5"
    model.save_weights(file)
    whole = file.read_bytes()
    refused = attempt_all(
        lambda seed: damaged(whole, seed),
        lambda path: models.load_checkpoint(model, path),
        file,
    )
    assert refused > COUNT / 6


def test_checkpoints_of_a_run(tmp_path):
    variables = [keras.Variable(np.ones(shape)) for shape in ((3, 4), (), (5,))]
    file = tmp_path / "checkpoint.npz"
    save_variables(file, variables, epoch=1)
    whole = file.read_bytes()
    refused = attempt_all(
        lambda seed: damaged(whole, seed),
        lambda path: restore_variables(path, variables),
        file,
    )
    assert refused > COUNT / 3


def test_arrays_with_labels(tmp_path):
    file = tmp_path / "cifar10.npz"
    pixels, labels = np.zeros((6, 8, 8, 3), "uint8"), np.arange(6) % 3
    arrays = {"x_train": pixels, "y_train": labels, "x_test": pixels, "y_test": labels}
    np.savez(file, fine_names=np.array(["a", "b", "c"]), **arrays)
    whole = file.read_bytes()
    attempt_all(
        lambda seed: damaged(whole, seed),
        lambda path: load_cifar("cifar10", tmp_path, None, "raise"),
        file,
    )


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_checkpoints(zipped, tmp_path):
    torch = pytest.importorskip("torch")
    file = tmp_path / "x.pth"
    tensors = {"model": {"a.weight": torch.ones(3, 4), "a.bias": torch.ones(3)}}
    torch.save(tensors, file, _use_new_zipfile_serialization=zipped)
    whole = file.read_bytes()
    attempt_all(lambda seed: damaged(whole, seed), source.read, file)


def test_safetensors(tmp_path):
    save_file = pytest.importorskip("safetensors.numpy").save_file
    file = tmp_path / "x.safetensors"
    save_file({"a.weight": np.ones((3, 4)), "a.bias": np.ones(3)}, file)
    whole = file.read_bytes()
    attempt_all(lambda seed: damaged(whole, seed), source.read, file)


def test_saved_models(tmp_path):
    whole = saved_model(
        [node("x", "VarHandleOp")],
        [function("serve", [node("y", "Relu")]), function("call", [call("serve")])],
    )
    folder = tmp_path / "x"
    folder.mkdir()
    attempt_all(
        lambda seed: damaged(whole, seed),
        lambda path: check_saved_model(path.parent),
        folder / "saved_model.pb",
        names=folder.name,
    )


@pytest.mark.parametrize("whole", ["bytes", "json"])
def test_cards(whole, tmp_path):
    text = json.dumps(CARD).encode()

    def make(seed):
        if whole == "bytes":
            return damaged(text, seed)
        return json.dumps(damaged_json(CARD, seed)).encode()

    attempt_all(make, lambda path: read_card(tmp_path), tmp_path / "card.json")


@pytest.mark.parametrize("whole", ["bytes", "json"])
def test_recipes(whole, tmp_path):
    settings = Recipe().as_dict()
    text = json.dumps(settings).encode()

    def make(seed):
        if whole == "bytes":
            return damaged(text, seed)
        return json.dumps(damaged_json(settings, seed)).encode()

    attempt_all(make, Recipe.read, tmp_path / "recipe.json")


def test_logs(tmp_path):
    """A log is never refused: the lines before a damage are used."""
    line = {"loss": 1.0, "seconds": 1.0, "images_per_second": 1.0, "progress": 0.1}
    lines = [{"epoch": i + 1, "elapsed_seconds": 1.0} | line for i in range(5)]
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    refused = attempt_all(
        lambda seed: damaged(text, seed),
        lambda path: _assert_epochs(read_metrics(tmp_path)),
        tmp_path / "metrics.jsonl",
    )
    assert not refused


def _assert_epochs(found):
    assert [line["epoch"] for line in found] == [*range(1, len(found) + 1)]


def test_a_recipe_is_read_as_it_was_written(tmp_path):
    recipe = Recipe.of(epochs=3, random_crop=(0.5, 1.0), model_options=("depth=2",))
    (tmp_path / "recipe.json").write_text(json.dumps(dataclasses.asdict(recipe)))
    assert Recipe.read(tmp_path / "recipe.json") == recipe
