"""Weights by name: downloaded once, checked, and refused in one line that helps."""

import dataclasses
import hashlib
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_hybrid import models, weights
from keras_hybrid.weights import resolver, table
from tests.weights.hub_server import COMMIT

pytestmark = pytest.mark.backend_independent

safetensors = pytest.importorskip("safetensors.numpy")

NAME = "timm/convit_tiny.fb_in1k"
FIELDS = {"depth": 4, "gpsa_layers": 3, "width": 32, "heads": 4, "patch_size": 4}
SHAPE = {"input_shape": (32, 32, 3), "classes": 7}


@pytest.fixture
def row(monkeypatch):
    """Changes the checkpoint's row of the table."""

    def change(**fields):
        rows = {
            **table._ADDED,
            NAME: dataclasses.replace(weights.published(NAME), **fields),
        }
        monkeypatch.setattr(table, "_ADDED", rows)

    return change


@pytest.fixture
def served(hub, golden):
    """A hub with a small network in the layout of the published file."""
    state = golden("convit_micro4").state_dict
    hub.files[f"{NAME}/model.safetensors"] = safetensors.save(state)
    return hub


def build(source=NAME, **arguments):
    return models.ConViTTiny(weights=source, **FIELDS | SHAPE | arguments)


def logits(model, x):
    return keras.ops.convert_to_numpy(models.logits(model)(x))


def digest(served):
    return hashlib.sha256(served.files[f"{NAME}/model.safetensors"]).hexdigest()


@pytest.mark.parametrize(
    "source",
    [
        "imagenet",
        NAME,
        f"hf://{NAME}",
        f"hf://{NAME}@{COMMIT}",
        f"hf://{NAME}@main/model.safetensors",
    ],
)
def test_by_name(source, served, golden):
    reference = golden("convit_micro4")
    model = build(source, include_preprocessing=False)
    np.testing.assert_allclose(logits(model, reference.x), reference.logits, 0, 2e-5)


def test_the_second_time_it_comes_from_the_cache(served, capsys):
    resolver._say_unpinned.cache_clear()
    build()
    assert capsys.readouterr().out.count("has no SHA-256 in the table") == 1
    assert served.log["GET"] == 1
    build()
    assert served.log["GET"] == 1


def test_offline(served, monkeypatch, row):
    from huggingface_hub import constants

    build()
    requests = served.log.total()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    build()
    assert served.log.total() == requests
    row(repository="timm/another")
    with pytest.raises(FileNotFoundError, match="HF_HUB_OFFLINE is set; unset it once"):
        build()


def test_an_interrupted_transfer_goes_on(served, row):
    size = len(served.files[f"{NAME}/model.safetensors"])
    row(sha256=digest(served), bytes=size)
    served.fault = "cut"
    build()
    assert served.ranges == [f"bytes={size // 2 // 1024 * 1024}-"]


def test_a_pinned_file_is_checked(served, row, capsys):
    row(sha256=digest(served), revision=COMMIT)
    build()
    assert capsys.readouterr().out == ""
    row(sha256="0" * 64)
    with pytest.raises(ValueError, match=r"has another SHA-256 than 000.*Delete it"):
        build()
    row(sha256=digest(served), bytes=12)
    with pytest.raises(ValueError, match="bytes, not 12"):
        build()


def test_a_damaged_file_of_the_right_length(served, row):
    row(sha256=digest(served))
    served.fault = "damaged"
    with pytest.raises(ValueError, match="another SHA-256"):
        build()


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        (500, ConnectionError, "the hub answers 500 Internal Server Error; try again"),
        (401, ConnectionError, "the hub answers 401 Unauthorized; check HF_TOKEN"),
        (403, ConnectionError, "the hub answers 403 Forbidden"),
        ("short", ConnectionError, "did not arrive .*; try again, or download"),
        ("slow", ConnectionError, "the hub cannot be reached .*check the network"),
    ],
)
def test_a_server_that_fails(fault, error, text, served):
    served.fault = fault
    with pytest.raises(error, match=text) as caught:
        build()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("hf://timm/none", "The hub shows no timm/none: check the name"),
        (f"hf://{NAME}@v9", "has no revision v9; leave it out"),
        (f"hf://{NAME}/none.bin", "There is no none.bin of timm/convit_tiny"),
        ("coeusguo/ceit_tiny", "no stable address: download it by the link at https"),
    ],
)
def test_what_is_not_there(source, text, served):
    with pytest.raises(FileNotFoundError, match=text) as caught:
        build(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("timm/convit_tny.fb_in1k", "Nearest: timm/convit_tiny.fb_in1k"),
        ("hf://convit", "is no hf://owner/name"),
    ],
)
def test_a_name_that_is_none(source, text):
    with pytest.raises(ValueError, match=text):
        build(source)


def test_a_model_without_published_weights():
    with pytest.raises(ValueError, match="No weights of atc3 are published"):
        models.ATC3(weights="imagenet")


def test_a_repository_outside_the_table(hub, golden):
    """Its file is found by the usual names, also in parts."""
    state = golden("convit_micro4").state_dict
    names = sorted(state)
    parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    places = {name: part for part, kept in parts.items() for name in kept}
    index = json.dumps({"weight_map": places}).encode()
    hub.files["me/mine/model.safetensors.index.json"] = index
    for part, kept in parts.items():
        content = safetensors.save({name: state[name] for name in kept})
        hub.files[f"me/mine/{part}"] = content
    model = build("hf://me/mine")
    table = keras.ops.convert_to_numpy(model.get_layer("position").table)
    np.testing.assert_array_equal(table, state["pos_embed"])


SETTINGS = {
    "config.json": {
        "architecture": "convit_tiny",
        "pretrained_cfg": {
            "mean": [0.5, 0.4, 0.3],
            "std": [0.1, 0.2, 0.3],
            "crop_pct": 0.9,
            "crop_mode": "center",
            "interpolation": "bilinear",
            "input_size": [3, 32, 32],
            "num_classes": 7,
        },
    },
    "preprocessor_config.json": {
        "feature_extractor_type": "ConvNextFeatureExtractor",
        "image_mean": [0.5, 0.4, 0.3],
        "image_std": [0.1, 0.2, 0.3],
        "crop_pct": 0.9,
        "resample": 2,
        "size": 32,
    },
}


@pytest.mark.parametrize("file", SETTINGS)
def test_a_repository_says_how_images_are_prepared(file, hub, golden, capsys):
    from keras_hybrid.models.checkpoints import resolve

    content = safetensors.save(golden("convit_micro4").state_dict)
    hub.files["me/mine/model.safetensors"] = content
    build("hf://me/mine")
    assert (
        "me/mine does not say how its images were prepared" in capsys.readouterr().out
    )
    hub.files[f"me/mine/{file}"] = json.dumps(SETTINGS[file]).encode()
    found = resolve("hf://me/mine", "convit_tiny")
    expected = ((0.5, 0.4, 0.3), (0.1, 0.2, 0.3), 0.9, "bilinear", "crop")
    assert found.preprocessing == models.Preprocessing(*expected)
    assert found.image_size == (32, 32)
    model = models.ConViTTiny(weights="hf://me/mine", **FIELDS | {"classes": 7})
    assert models.normalization(model) == expected[:2]
    broken = {"pretrained_cfg": {"mean": 3}, "size": 3}
    hub.files["me/broken/model.safetensors"] = content
    hub.files[f"me/broken/{file}"] = json.dumps(broken).encode()
    with pytest.raises(ValueError, match="The settings of me/broken cannot be read"):
        resolve("hf://me/broken", "convit_tiny")


def test_the_processor_of_cvt_warps_large_images(hub):
    from keras_hybrid.models.checkpoints import resolve

    settings = SETTINGS["preprocessor_config.json"] | {"size": {"shortest_edge": 384}}
    hub.files["me/mine/model.safetensors"] = b""
    hub.files["me/mine/preprocessor_config.json"] = json.dumps(settings).encode()
    facts = resolve("hf://me/mine", "cvt13").preprocessing
    assert facts.fit == "stretch" and facts.crop == 1


def test_no_weights_no_network(hub):
    models.ConViTTiny(**FIELDS | SHAPE)
    assert hub.log.total() == 0


def test_shape_classes_and_preprocessing_follow_the_checkpoint(served, row):
    preprocessing = models.Preprocessing((0.5, 0.4, 0.3), (0.1, 0.2, 0.3), 0.9)
    row(image_size=(32, 32), classes=7, preprocessing=preprocessing)
    model = models.ConViTTiny(weights=NAME, **FIELDS)
    assert model.input_shape == (None, 32, 32, 3) and model.output_shape == (None, 7)
    layer = model.get_layer("preprocessing")
    pixels = np.full((1, 2, 2, 3), 51.0, "float32")
    expected = (0.2 - np.array([0.5, 0.4, 0.3])) / np.array([0.1, 0.2, 0.3])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(layer(pixels))[0, 0, 0], expected, 1e-5
    )


def test_the_environment_of_the_client_is_used(served, tmp_path):
    """`HF_ENDPOINT` and `HF_HOME` of a new process."""
    code = f"from keras_hybrid import models; models.ConViTTiny(weights={NAME!r}, **{FIELDS | SHAPE})"
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"HF_ENDPOINT": served.url, "HF_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(home.rglob("model.safetensors"))


def test_a_recipe_takes_a_name(served, row):
    """The network, its normalization and the card of the run follow the checkpoint."""
    from keras_hybrid import data
    from keras_hybrid.train import Recipe
    from keras_hybrid.train.prepare import build as build_for
    from keras_hybrid.train.run_card import make_card

    half = models.Preprocessing((0.5, 0.5, 0.5), (0.25, 0.5, 0.5), 0.9)
    row(preprocessing=half)
    images = np.zeros((4, 32, 32, 3), "uint8")
    split = data.Split(images, np.arange(4) % 2)
    dataset = data.Dataset("toy", split, split, ("a", "b"))
    options = tuple(f"{key}={value}" for key, value in FIELDS.items())
    recipe = Recipe.of(model="convit_tiny", model_options=options, weights="imagenet")
    model = build_for(recipe, dataset)
    table = keras.ops.convert_to_numpy(model.get_layer("position").table)
    assert np.abs(table).max() > 0.1 and model.output_shape == (None, 2)
    facts = make_card(recipe, dataset, "", model, {})["preprocessing"]
    assert (facts["mean"], facts["std"]) == (half.mean, half.std)
    assert facts["crop"] == 1.0  # that of training


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("https://x.org/a.pth", "takes no address but hf://"),
        ("imagnet", "Did you mean imagenet"),
        ("mine", "Give a path, or imagenet"),
    ],
)
def test_what_is_no_name_and_no_path(text, message):
    with pytest.raises(ValueError, match=message):
        models.ConViTTiny(weights=text)
