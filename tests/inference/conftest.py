"""A folder as a run leaves it, around an untrained model, and folders of images."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from keras_hybrid import models
from keras_hybrid.utils.files import sha256

CLASSES = ["ant", "bee", "cow"]
FACTS = {"crop": 1.0, "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.25, 0.3]}


def tiny(**arguments):
    """A model of three classes whose predictions differ between images."""
    keras.utils.set_random_seed(2)
    settings = {"widths": (8, 8, 8), "stem_width": 4, "input_shape": (16, 16, 3)}
    model = models.ResNet9(classes=3, **settings | arguments)
    head = model.get_layer("head")
    head.kernel.assign(np.random.default_rng(0).normal(size=head.kernel.shape))
    if None not in model.input_shape[1:]:
        shape = (20, *model.input_shape[1:])
        logits = outputs_of(models.logits(model), noise(shape, seed=5))
        head.kernel.assign(head.kernel / logits.std(0).mean())
        head.bias.assign(-(logits / logits.std(0).mean()).mean(0))
    return model


def noise(shape, seed):
    """Pixels of noise, around a color of its own for every image."""
    rng = np.random.default_rng(seed)
    colors = rng.integers(0, 256, (shape[0], 1, 1, shape[-1]))
    return (colors / 2 + rng.integers(0, 128, shape)).astype("uint8")


def save_run(folder, model, **card):
    """Saves a model with its card."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / "model.keras")
    card = {"class_names": CLASSES, "preprocessing": FACTS} | card
    card = {"model_sha256": sha256(folder / "model.keras")} | card
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def save_images(folder, count, seed=0, size=(16, 16)):
    """Saves images of noise as `0.png` and so on; returns their pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = noise((count, *size, 3), seed)
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{i}.png")
    return pixels


def outputs_of(model, pixels):
    return keras.ops.convert_to_numpy(model(pixels.astype("float32")))


@pytest.fixture
def trained(tmp_path):
    return save_run(tmp_path / "run", tiny())


@pytest.fixture
def labelled(tmp_path):
    """Folders of two of the three classes, in another order than the model's."""
    for seed, name in enumerate(("cow", "ant")):
        save_images(tmp_path / "photos" / name, 6, seed)
    return tmp_path / "photos"
