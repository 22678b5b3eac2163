"""Pretrained weights for a model, from Keras or torch files."""

import json
import pathlib
import zipfile

import keras

from keras_hybrid import models
from keras_hybrid.models.checkpoints import existing_checkpoint
from keras_hybrid.utils.errors import first_line
from keras_hybrid.weights.transfer import load_torch


def load_pretrained(model: keras.Model, path: str | pathlib.Path) -> keras.Model:
    """Loads the weights of a checkpoint into a model, to fine-tune it.

    A classifier for another number of classes keeps its initial values, and
    position tables are resized to the model's grid.

    Args:
        model: A model of this package with its classifier.
        path: A `.keras` file of the same architecture, a `.weights.h5` file with as
            many classes, or a torch checkpoint (see `load_torch`).

    Returns:
        The model.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If its suffix is unknown or it does not fit the model.
    """
    path = existing_checkpoint(path)
    if path.suffix not in (".keras", ".h5"):
        return load_torch(model, path, head="if_same_classes")
    target = model
    if path.suffix == ".keras":
        classes = _classes_of(path)
        if classes != model.output_shape[-1]:
            target = models.with_head(model, classes)  # shares all layers but one
    try:
        target.load_weights(path)
    except Exception as error:  # Keras and h5py raise many kinds for a bad file
        raise ValueError(
            f"{path} does not fit {model.name}: {first_line(error)}"
        ) from error
    return model


def _classes_of(path: pathlib.Path) -> int:
    """Classes of the model in a .keras file, read without building it."""
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))["config"]
        layers = {layer["config"]["name"]: layer for layer in config["layers"]}
        return layers["head"]["config"]["units"]
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged, or no model of this package with a classifier."
        ) from error
