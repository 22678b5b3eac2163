"""A .keras file takes no more memory than its weights need."""

import json
import zipfile

import keras
import pytest

from keras_hybrid import models
from keras_hybrid.models.keras_file import load_keras
from keras_hybrid.utils.guard import memory_limit

pytestmark = pytest.mark.backend_independent


def changed(path, change, member="config.json"):
    """Saves a small model with a changed configuration, layers by name."""
    inputs = keras.Input((4, 4, 3), name="image")
    x = keras.layers.Conv2D(2, 3, name="conv")(inputs)
    x = keras.layers.Dense(3, name="head")(keras.layers.Flatten()(x))
    keras.Model(inputs, x).save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change({layer["config"]["name"]: layer for layer in config["config"]["layers"]})
    members["config.json"] = json.dumps(config)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def many_units(layers):
    layers["head"]["config"]["units"] = 10**9


def many_filters(layers):
    layers["conv"]["config"]["filters"] = 10**8


def a_large_kernel(layers):
    layers["conv"]["config"].update(kernel_size=[10**5, 10**5], padding="same")


def a_large_image(layers):
    layers["image"]["config"]["batch_shape"] = [None, 10**6, 10**6, 3]


@pytest.mark.parametrize(
    "change", [many_units, many_filters, a_large_kernel, a_large_image]
)
def test_a_configuration_larger_than_the_weights(change, tmp_path):
    changed(tmp_path / "x.keras", change)
    refused = pytest.raises(ValueError, match=r"x\.keras cannot be loaded: .*larger")
    with memory_limit(2**29), refused:
        load_keras(tmp_path / "x.keras")
    add_weight = keras.Layer.add_weight
    assert add_weight.__name__ == "add_weight", "the budget is over with the loading"


def test_a_whole_file_passes(tmp_path):
    changed(tmp_path / "x.keras", lambda layers: None)
    assert load_keras(tmp_path / "x.keras").count_params() == 83


def test_weights_without_a_configuration(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(
        ValueError, match=r"x\.keras cannot be loaded.*no model\.weights"
    ):
        load_keras(tmp_path / "x.keras")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"x\.keras cannot be loaded"):
        models.load_checkpoint(model, tmp_path / "x.keras")
