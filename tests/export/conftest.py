"""A run's folder with all exports of one small model, made once."""

import json
import shutil

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.data import Split
from keras_hybrid.export import FORMATS, export
from keras_hybrid.export.formats import SERVERS
from keras_hybrid.train.unknown import add_rule
from keras_hybrid.utils.files import sha256

WRITTEN = {x: y for x, y in FORMATS.items() if x not in ("web", *SERVERS)}
"""What `run` has; pages and folders of servers have tests of their own."""
CLASSES = ["ant", "bee", "cow", "dog", "eel"]


def small_atc():
    return models.ATC(
        classes=5,
        input_shape=(16, 24, 3),
        widths=(16, 32, 48),
        heads=(1, 2, 3),
        depths=(1, 1, 2),
    )


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """The folder; tests leave it as it is, or copy it."""
    for package in {x for format in WRITTEN.values() for x in format.needs}:
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("run")
    keras.utils.set_random_seed(1)
    model = small_atc()
    rng = np.random.default_rng(0)
    for weight in model.weights:
        value = keras.ops.convert_to_numpy(weight)
        if "variance" in weight.path:
            value = value + rng.uniform(0.1, 0.5, value.shape)
        else:
            value = value + 0.1 * rng.normal(size=value.shape)
        weight.assign(value)
    images = rng.integers(0, 256, (40, 16, 24, 3), dtype="uint8")
    head = model.get_layer("head")
    head.kernel.assign(0.3 * rng.normal(size=head.kernel.shape))
    mean = models.logits(model).predict(images.astype("float32"), verbose=0).mean(0)
    head.bias.assign(-mean)  # so that no class is the answer to everything
    split = Split(images, np.arange(40) % 5)
    model, _ = add_rule(model, "none", split, split)
    model.save(folder / "model.keras")
    card = {
        "class_names": CLASSES,
        "preprocessing": {"crop": 1.0},
        "seed": 7,
        "model_sha256": sha256(folder / "model.keras"),
    }
    (folder / "card.json").write_text(json.dumps(card))
    export(
        folder / "model.keras", list(WRITTEN), folder, False, images[:20], images[20:]
    )
    return folder


@pytest.fixture
def copy(run, tmp_path):
    """A copy of the folder, to be damaged."""
    return shutil.copytree(run, tmp_path / "copy")
