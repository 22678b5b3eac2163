"""Golden images: what a model is given, and what it must answer."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from PIL import Image

from keras_hybrid.data.pixel_range import PixelRange
from keras_hybrid.data.read_images import as_input, read_image
from keras_hybrid.data.resize import TRAINING_RESIZE, describe_preprocessing
from keras_hybrid.export.golden_images import generated_images, test_images
from keras_hybrid.export.input_scale import input_scale
from keras_hybrid.utils.card import read_card
from keras_hybrid.utils.card_fields import is_shape
from keras_hybrid.utils.files import sha256

FOLDER, FILE = "golden", "golden.json"
COUNT = 10
"""Number of images."""

Kind = Literal["real", "generated", "none"]
"""Half of the images from the run's test images, none of them, or no images at all."""


@dataclasses.dataclass(frozen=True)
class Golden:
    """The images with the rule that makes them a model's input.

    Attributes:
        images: RGB images of several shapes.
        shape: Input shape `(H, W, C)`; 224 stands for a dynamic height or width.
        preprocessing: `fit`, `crop`, `interpolation`, and the steps in words.
        scale: `mean` and `std`, see `input_scale`.
        real: How many of the images, the first ones, are test images.
    """

    images: tuple[Image.Image, ...]
    shape: tuple[int, int, int]
    preprocessing: Mapping[str, Any]
    scale: Mapping[str, list[float]]
    real: int = 0

    def inputs(self, **changes: Any) -> np.ndarray:
        """The images as the input `(N, H, W, C)`: uint8 pixels, or normalized float32.

        Args:
            changes: Other values of `preprocessing`.
        """
        rule = {**self.preprocessing, **changes}
        pixels = np.stack([as_input(x, self.shape, rule) for x in self.images])
        return _scaled(pixels, self.scale)


def make_golden(
    run: pathlib.Path,
    facts: Mapping[str, Any],
    shape: tuple[int | None, ...],
    pixels: bool,
    kind: Kind,
) -> Golden | None:
    """Chooses the images of a model.

    Args:
        run: The folder of its run.
        facts: Its card.
        shape: Its input `(H, W, C)`.
        pixels: Whether it takes pixels and normalizes them itself.
        kind: Which images.

    Returns:
        None for `"none"`, and if the model's card does not say how it takes images.
    """
    height, width, channels = (side or 224 for side in shape)
    scale = input_scale(facts, pixels, channels)
    if kind == "none" or scale is None:
        return None
    known = facts.get("preprocessing", {})
    rule = describe_preprocessing(TRAINING_RESIZE | dict(known))
    rule = {key: rule[key] for key in ("fit", "crop", "interpolation", "steps")}
    rule["steps"][-1] = (
        "(pixel - mean) / std is the input, in float32, with the numbers of `input`."
    )
    levels = PixelRange.of(known)
    real = test_images(run, COUNT // 2, levels) if kind == "real" else []
    images = [*real, *generated_images(height, width, COUNT - len(real))]
    return Golden(tuple(images), (height, width, channels), rule, scale, len(real))


def wrong_answers(
    golden: Golden, predict: Callable[[np.ndarray], np.ndarray], tolerance: float
) -> dict[str, int]:
    """How many images betray each of the usual mistakes, by name.

    Args:
        golden: The images.
        predict: From inputs to logits.
        tolerance: Difference of the logits that passes.
    """
    right = golden.inputs()
    filter, fit = golden.preprocessing["interpolation"], golden.preprocessing["fit"]
    wrong = {
        "another scale": right.astype("float32") / 255,
        "another filter": golden.inputs(
            interpolation="bicubic" if filter == "bilinear" else "bilinear"
        ),
        "another fit": golden.inputs(fit="crop" if fit == "stretch" else "stretch"),
    }
    if golden.shape[-1] == 3:
        wrong["swapped channels"] = right[..., ::-1]
    logits = predict(right)
    return {
        name: int((np.abs(predict(x) - logits).max(-1) > tolerance).sum())
        for name, x in wrong.items()
    }


def read_golden(folder: pathlib.Path) -> dict[str, Any] | None:
    """`golden.json` of a folder with exported files; None if there is none.

    Raises:
        ValueError: If it is damaged.
    """
    file = folder / FOLDER / FILE
    if not file.is_file():
        return None
    known = read_card(file)
    if not _is_golden(known):
        raise ValueError(f"{file} is damaged; export again.")
    return known


def _is_golden(known: Mapping[str, Any]) -> bool:
    """Whether a file has the fields that are read of it."""
    try:
        size = known["input"]
        names = [pathlib.Path(image["file"]) for image in known["images"]]
        numbers = [*size["mean"], *size["std"]]
        [image["sha256"] for image in known["images"]]
        [answer["logits"] for answer in known["expected"].values()]
        return (
            "source" in known
            and is_shape([size[side] for side in ("height", "width", "channels")])
            and all(len(name.parts) == 1 for name in names)
            and all(isinstance(x, int | float) for x in numbers)
        )
    except (KeyError, TypeError, AttributeError):
        return False


def golden_inputs(
    folder: pathlib.Path, facts: Mapping[str, Any], known: Mapping[str, Any]
) -> np.ndarray:
    """The golden images of a folder, read as `predict` reads images.

    Args:
        folder: The folder with exported files.
        facts: The card of an exported file, whose preprocessing is used.
        known: Its `golden.json`.

    Raises:
        ValueError: If an image is missing or was changed.
    """
    size = known["input"]
    shape = (size["height"], size["width"], size["channels"])
    images = []
    for image in known["images"]:
        path = folder / FOLDER / image["file"]
        if not path.is_file() or sha256(path) != image["sha256"]:
            raise ValueError(f"{path} is missing or was changed; export again.")
        images.append(read_image(path, shape, facts.get("preprocessing", {})))
    return _scaled(np.stack(images), size)


def _scaled(pixels: np.ndarray, scale: Mapping[str, Any]) -> np.ndarray:
    """Pixels as the input; uint8 where the model takes pixels."""
    mean, std = (np.array(scale[name], "float32") for name in ("mean", "std"))
    if not mean.any() and (std == 1).all():
        return pixels
    return (pixels.astype("float32") - mean) / std
