"""Weights from Keras' own files, also for a model with another classifier."""

import pathlib

import keras

from keras_hybrid.models.assembly import HEAD, with_head
from keras_hybrid.models.keras_file import check_keras_file, read_config
from keras_hybrid.utils.errors import first_line
from keras_hybrid.utils.guard import check_hdf5


def load_keras_weights(model: keras.Model, path: str) -> None:
    """Loads a `.keras` or `.weights.h5` file of the same architecture.

    The classifier of a `.keras` file with another number of classes is left out, which
    one printed line says.

    Raises:
        ValueError: If the file is damaged or does not fit the model.
    """
    target = model
    _check(pathlib.Path(path))
    if path.endswith(".keras") and any(x.name == HEAD for x in model.layers):
        classes = _classes_of(pathlib.Path(path))
        if classes != model.output_shape[-1]:
            target = with_head(model, classes)  # shares all layers but one
            print(fresh_head(model, classes), flush=True)
    try:
        target.load_weights(path)
    except Exception as error:  # Keras and h5py raise many kinds for a bad file
        raise ValueError(
            f"{path} does not fit {model.name}: {first_line(error)}"
        ) from error


def _check(path: pathlib.Path) -> None:
    """Raises ValueError if the file is damaged or declares more than it holds."""
    try:
        if path.suffix == ".keras":
            check_keras_file(path)
        else:
            check_hdf5(path, path.stat().st_size, "it")
    except ValueError as error:
        raise ValueError(f"{path} cannot be loaded: {error}") from error


def fresh_head(model: keras.Model, classes: int) -> str:
    """The line that says that a checkpoint's classifier is left out."""
    return (
        f"{model.name}: the checkpoint has {classes} classes, not "
        f"{model.output_shape[-1]}, so the classifier keeps its initial values."
    )


def _classes_of(path: pathlib.Path) -> int:
    """Classes of the model in a .keras file, read without building it."""
    try:
        config = read_config(path)["config"]
        layers = {layer["config"]["name"]: layer for layer in config["layers"]}
        return layers[HEAD]["config"]["units"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged, or no model of this package with a classifier."
        ) from error
