"""Any model file, Keras' or exported, behind one function."""

import pathlib
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.export.check_saved_model import check_saved_model
from keras_hybrid.export.formats import get_format
from keras_hybrid.export.optimize import optimize_for_inference
from keras_hybrid.export.runtime import Runner, image_shape, open_exported
from keras_hybrid.models.keras_file import keras_file, load_keras
from keras_hybrid.utils.errors import first_line
from keras_hybrid.utils.guard import memory_limit
from keras_hybrid.utils.guard.budget import LARGEST_RATIO
from keras_hybrid.utils.rejection import KNOWN
from keras_hybrid.utils.typing import Shape

_MEMORY = 2**32
"""Bytes that any exported file may take to compute on an image."""


class OpenModel(NamedTuple):
    """A model that is ready to run.

    Attributes:
        run: Images `(B, H, W, C)` -> arrays by name: `logits`, `probabilities` or both;
            `values` of a model for numbers; `known` of a model with a rule for unknown
            images.
        input_shape: `(H, W, C)`; None where a length is free.
        takes_pixels: Whether it takes pixels in [0, 255] and normalizes them itself.
        output: Name of the output of a Keras model; None for other files.
        rejects: Whether it has the output `known`.
    """

    run: Runner
    input_shape: Shape
    takes_pixels: bool
    output: str | None = None
    rejects: bool = False


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
    run, shape, names = _open_exported(
        path, get_format(format).opener if format else ""
    )
    takes_pixels = (artefact.get("reference") or {}).get("pixels", True)
    return OpenModel(run, shape, takes_pixels, rejects=KNOWN in names)


def _open_exported(
    path: pathlib.Path, opener: str
) -> tuple[Runner, Shape, Collection[str]]:
    """Opens an exported file and tries it on a blank image, within a memory limit.

    Runtimes notice some damages only when they compute. The names of its outputs are
    the last item.
    """
    check_saved_model(path)
    size = sum(x.stat().st_size for x in (path, *path.rglob("*")) if x.is_file())
    try:
        with memory_limit(_MEMORY + LARGEST_RATIO * size):
            run, shape = open_exported(path, opener)
            blank = np.zeros((1, *(side or 224 for side in shape)), "float32")
            names = run(blank).keys()
    except (FileNotFoundError, ImportError):
        raise
    except Exception as error:  # each runtime raises kinds of its own
        text = first_line(error)
        if str(path) in text:
            raise ValueError(text) from error
        raise ValueError(f"{path} cannot be run: {text}") from error
    return run, shape, names


def _open_keras(path: pathlib.Path, tta: str) -> OpenModel:
    model = load_keras(path)
    shape = image_shape(path, model.input_shape if len(model.inputs) == 1 else None)
    if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
        raise ValueError(f"{path} is no classifier: its output is no (B, classes).")
    takes_pixels = models.takes_pixels(model)
    if tta != "none":
        model = models.average_views(model, tta)
    name, known = models.output_name(model), models.known(model)
    outputs = {name: model.output} | ({KNOWN: known.output} if known else {})
    named = optimize_for_inference(keras.Model(model.input, outputs))

    def run(images: np.ndarray) -> dict[str, np.ndarray]:
        return named.predict_on_batch(images.astype("float32"))

    return OpenModel(run, shape, takes_pixels, name, rejects=known is not None)
