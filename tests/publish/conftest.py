"""A complete run as `push` takes it, and the hub on this machine."""

import json

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.data import describe_preprocessing
from keras_hybrid.train import Recipe
from keras_hybrid.utils.card import write_card
from keras_hybrid.utils.files import sha256
from tests.weights.conftest import hub

__all__ = ["hub"]  # a fixture

CLASSES = ["ant", "bee", "cow: wild", 'the "dog"']
OPTIONS = ("widths=8,8,8", "heads=1,1,1", "strides=2,2,2")
FACTS = {
    "mean": [0.4, 0.5, 0.6],
    "std": [0.2, 0.25, 0.3],
    "crop": 0.9,
    "interpolation": "bilinear",
}


def network():
    keras.utils.set_random_seed(1)
    facts = models.Preprocessing(tuple(FACTS["mean"]), tuple(FACTS["std"]))
    recipe = Recipe.of(model="atc3", model_options=OPTIONS)
    model = models.ATC3(
        classes=4, input_shape=(16, 24, 3), **recipe.network.arguments()
    )
    layer = models.assembly._normalization(facts, 3)
    new = models.graph.clone_graph(model, {"preprocessing": layer})
    head = new.get_layer("head")
    head.kernel.assign(np.random.default_rng(0).normal(size=head.kernel.shape))
    return new


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a run, with files that are not for others."""
    folder = tmp_path_factory.mktemp("runs") / "galaxies"
    folder.mkdir()
    secret = tmp_path_factory.mktemp("secret_place")
    (secret / "start.keras").write_text("")
    recipe = Recipe.of(
        dataset="folder",
        model="atc3",
        model_options=OPTIONS,
        weights=str(secret / "start.keras"),
        data_dir=str(secret),
        workdir=str(folder),
    )
    model = network()
    model.save(folder / "model.keras")
    card = {
        "model": "atc3",
        "parameters": 1234567,
        "input_shape": [16, 24, 3],
        "preprocessing": describe_preprocessing(FACTS),
        "tta": "none",
        "class_names": CLASSES,
        "metrics": {
            "test_accuracy": 0.75,
            "test_macro_f1": 0.5,
            "test_loss": 1.25,
            "validation_accuracy": 0.625,
            "training_seconds": 3,
        },
        "recipe": recipe.settings(),
        "dataset": "my galaxies",
        "model_sha256": sha256(folder / "model.keras"),
    }
    write_card(card, folder / "card.json")
    write_card(recipe.as_dict(), folder / "recipe.json")
    (folder / "report.html").write_text("<img src='data:image/png;base64,AAAA'>")
    (folder / "metrics.jsonl").write_text(json.dumps({"epoch": 1}))
    return folder
