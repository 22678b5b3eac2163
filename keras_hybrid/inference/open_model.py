"""Any model file, Keras' or exported, behind one function."""

import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.export.formats import get_format
from keras_hybrid.export.keras_file import keras_file, load_keras
from keras_hybrid.export.runtime import Runner, image_shape, open_exported
from keras_hybrid.utils.typing import Shape


class OpenModel(NamedTuple):
    """A model that is ready to run.

    Attributes:
        run: Images `(B, H, W, C)` -> arrays by name: `logits`, `probabilities` or both.
        input_shape: `(H, W, C)`; None where a length is free.
        takes_pixels: Whether it takes pixels in [0, 255] and normalizes them itself.
    """

    run: Runner
    input_shape: Shape
    takes_pixels: bool


def open_model(path: pathlib.Path, card: Mapping[str, Any] | None = None) -> OpenModel:
    """Opens a .keras file, a run's folder, or an exported file or folder.

    A .keras file is averaged over the views that the card names as `tta`. Exported
    files have the views inside. The temperature is part of the weights of both.

    Args:
        path: The file or folder.
        card: Its card, see `read_card`.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ValueError: If it is no model of a known format, or damaged.
        ImportError: If its runtime is missing.
    """
    card = card or {}
    path = keras_file(pathlib.Path(path))
    if path.suffix == ".keras":
        return _open_keras(path, card.get("tta", "none"))
    artefact = card.get("artefact") or {}
    format = artefact.get("format")
    run, shape = open_exported(path, get_format(format).opener if format else "")
    return OpenModel(run, shape, artefact.get("reference", {}).get("pixels", True))


def _open_keras(path: pathlib.Path, tta: str) -> OpenModel:
    model = load_keras(path)
    shape = image_shape(path, model.input_shape if len(model.inputs) == 1 else None)
    if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
        raise ValueError(f"{path} is no classifier: its output is no (B, classes).")
    takes_pixels = models.takes_pixels(model)
    if tta != "none":
        model = models.average_views(model, tta)
    name = "logits" if _gives_logits(model) else "probabilities"

    def run(images: np.ndarray) -> dict[str, np.ndarray]:
        return {name: model.predict_on_batch(images.astype("float32"))}

    return OpenModel(run, shape, takes_pixels)


def _gives_logits(model: keras.Model) -> bool:
    """Whether the last layer has no activation."""
    activation = getattr(model.layers[-1], "activation", None)
    return activation is keras.activations.linear
