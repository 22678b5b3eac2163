"""Classify images with any model file, Keras' or exported."""

import pathlib

import numpy as np

from keras_hybrid import models
from keras_hybrid.data.read_images import read_image
from keras_hybrid.export.formats import get_format
from keras_hybrid.export.keras_file import keras_file, load_keras
from keras_hybrid.export.runtime import Opened, image_shape, open_exported
from keras_hybrid.utils import card


def open_model(path: pathlib.Path, opener: str = "", tta: str = "none") -> Opened:
    """Opens a .keras file, a run's folder or an exported file.

    Args:
        path: The file or folder.
        opener: `Format.opener` of a registered format.
        tta: The views over which a .keras file is averaged, see `models.average_views`.

    Returns:
        What runs it, and its input `(H, W, C)`.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ValueError: If it is no model of a known format, or damaged.
        ImportError: If its runtime is missing.
    """
    path = keras_file(pathlib.Path(path))
    if path.suffix != ".keras":
        return open_exported(path, opener)
    model = load_keras(path)
    shape = model.input_shape if len(model.inputs) == 1 else None
    if tta != "none":
        model = models.average_views(model, tta)

    def run(images: np.ndarray) -> dict[str, np.ndarray]:
        images = images.astype("float32")
        return {"probabilities": model.predict(images, verbose=0)}

    return run, image_shape(path, shape)


def read_card(path: pathlib.Path) -> dict:
    """What is known of a model file, from the card in or beside it.

    Raises:
        ValueError: If the card is damaged.
    """
    places = (
        path.with_name(f"{path.name}.card.json"),
        path.with_suffix(".card.json"),
        path / "card.json",
        path.parent / "card.json",
    )
    return next((card.read_card(x) for x in places if x.is_file()), {})


class Classifier:
    """A model file that classifies images.

    Args:
        path: A .keras file, a run's folder, or an exported file or folder. The card
            beside it gives the names of the classes, the crop and the filter.
    """

    def __init__(self, path: pathlib.Path):
        self.path = pathlib.Path(path)
        self.card = read_card(self.path)
        format = self.card.get("artefact", {}).get("format")
        opener = get_format(format).opener if format else ""
        tta = self.card.get("tta", "none")
        self._run, self.input_shape = open_model(self.path, opener, tta)

    def top(self, image: pathlib.Path, count: int = 3) -> list[tuple[str, float]]:
        """The likeliest classes of an image file, as (name, probability)."""
        facts = self.card.get("preprocessing", {})
        pixels = read_image(pathlib.Path(image), self.input_shape, facts)
        outputs = self._run(pixels[None])
        if "probabilities" not in outputs:
            raise ValueError(f"{self.path} gives no probabilities.")
        probabilities = outputs["probabilities"][0]
        names = self.card.get("class_names") or [
            f"class {i}" for i in range(len(probabilities))
        ]
        if len(names) != len(probabilities):
            raise ValueError(
                f"{self.path} has {len(probabilities)} classes, but its card names "
                f"{len(names)}: they do not belong together."
            )
        order = np.argsort(-probabilities)[:count]
        return [(names[i], float(probabilities[i])) for i in order]
