"""A classifier of images, from any model file."""

import dataclasses
import functools
import itertools
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from keras_hybrid.data.read_images import as_input
from keras_hybrid.data.targets import CLASSIFICATION
from keras_hybrid.export.model_card import OtherModelError, read_card
from keras_hybrid.inference.answer import Answer
from keras_hybrid.inference.answers import ANSWERS, task_of
from keras_hybrid.inference.hub_model import fetch_model
from keras_hybrid.inference.open_model import open_model
from keras_hybrid.inference.outputs import Outputs, join
from keras_hybrid.inference.prediction import Prediction
from keras_hybrid.models.keras_file import keras_file
from keras_hybrid.utils.rejection import KNOWN

ImageLike: TypeAlias = str | pathlib.Path | bytes | Image.Image | np.ndarray
"""The path or the content of an image file, a Pillow image, or pixels `(H, W, C)`."""
BATCH = 32


def load(run_or_file: str | pathlib.Path) -> "Classifier":
    """Loads a trained or exported model for predictions.

    Args:
        run_or_file: The folder of a run, a .keras file, an exported file or folder, or
            `"hf://owner/name[@revision][/file]"`, a repository of the Hugging Face hub.

    Returns:
        The classifier; see `Classifier`.

    Raises:
        ConnectionError: If the hub cannot be reached.
        FileNotFoundError: If there is nothing at the path.
        ValueError: If it is no model of a known format, or damaged.
        ImportError: If its runtime is missing; the message names the extra.

    Example:
        >>> classifier = keras_hybrid.load("saved_models/digits-atc3")
        >>> classifier.predict("photo.jpg").names
        ['7']
    """
    return Classifier(fetch_model(run_or_file))


class Classifier:
    """A model file that classifies images, or predicts numbers for them.

    The card beside the file gives the task, the names of the classes, the crop and
    filter of the resize, and the test-time augmentation. Mean and standard deviation in
    the card are applied if the model does not normalize pixels itself.

    Args:
        path: The folder of a run, a .keras file, or an exported file or folder.

    Attributes:
        path: The file or folder of the model.
        card: What is known of it.
        task: What it was trained for, a key of `ANSWERS`.
        input_shape: Shape `(H, W, C)` of its images; None where a length is dynamic.
        rejects: Whether it has a rule for unknown images.
    """

    def __init__(self, path: str | pathlib.Path):
        self.path = keras_file(pathlib.Path(path))
        try:
            self.card = read_card(self.path)
        except OtherModelError as error:
            open_model(self.path, error.card)  # a damaged file has its own message
            raise
        opened = open_model(self.path, self.card)
        self.input_shape = opened.input_shape
        self._run, self._takes_pixels = opened.run, opened.takes_pixels
        self.task = task_of(self.card.get("task"), opened.output)
        self.rejects = opened.rejects and self.task == CLASSIFICATION
        self._answer = ANSWERS[self.task].prediction
        self._facts: Mapping[str, Any] = self.card.get("preprocessing", {})
        if not self._takes_pixels and not {"mean", "std"} <= self._facts.keys():
            raise ValueError(
                f"{self.path} takes normalized images: write their mean and std as "
                "'preprocessing' into its card.json."
            )

    @functools.cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; `class 0` and so on if the card has none.

        Of a model for numbers, the name of each.
        """
        names = tuple(self.card.get(self._answer.names_in_card) or ())
        if names:
            return names
        blank = np.zeros([side or 224 for side in self.input_shape], "float32")
        count = self._outputs(blank[None]).values.shape[-1]
        return tuple(f"class {i}" for i in range(count))

    def preprocess(self, image: ImageLike) -> np.ndarray:
        """An image as the input of the model.

        Args:
            image: A path, the content of a file, a Pillow image, or pixels
                `(H, W, C)` in [0, 255].

        Returns:
            uint8 pixels `(H, W, C)`, or normalized float32 values if the model takes
            these.

        Raises:
            FileNotFoundError: If the file does not exist.
            ValueError: If the image cannot be read, or its pixels have another range.
        """
        pixels = as_input(image, self.input_shape, self._facts)
        return pixels if self._takes_pixels else _normalize(pixels, self._facts)

    def predict(
        self,
        images: ImageLike | Iterable[ImageLike],
        batch_size: int = BATCH,
    ) -> Answer:
        """Classifies images, or predicts their numbers; a batch of them is in memory.

        Args:
            images: One image as for `preprocess`, several of them, or pixels
                `(N, H, W, C)`.
            batch_size: Images per call of the model.

        Returns:
            A `Prediction` with the probabilities of every image; a `NumberPrediction`
            or `LabelSetPrediction` of a model for numbers or several classes per image.

        Raises:
            FileNotFoundError, ValueError: As `preprocess`; also if there are no images.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be 1 or more, not {batch_size}.")
        several = iter(_several(images))
        found = []
        while batch := list(itertools.islice(several, batch_size)):
            found.append(self.predict_inputs([self.preprocess(x) for x in batch]))
        if not found:
            raise ValueError("There are no images to classify.")
        return self.answer(join(found))

    def answer(self, outputs: Outputs) -> Answer:
        """What outputs of the model say."""
        answer = self._answer.of(outputs.values, self.classes, self.card)
        if isinstance(answer, Prediction):
            return dataclasses.replace(answer, known=outputs.known)
        return answer

    def predict_inputs(self, inputs: Sequence[np.ndarray]) -> Outputs:
        """Outputs for images that `preprocess` returned."""
        # a model of any input size takes images of one size at a time
        groups = itertools.groupby(inputs, key=np.shape)
        stacked = (np.stack(list(group)) for _, group in groups)
        outputs = join([self._outputs(x) for x in stacked])
        found = outputs.values
        if not all(np.isfinite(x).all() for x in outputs if x is not None):
            raise ValueError(
                f"{self.path} gives {self._answer.output} that are no numbers: its "
                "weights are damaged, or training diverged."
            )
        if found.shape[-1] != len(self.classes):
            raise ValueError(
                f"{self.path} has {found.shape[-1]} classes, but its card names "
                f"{len(self.classes)}: they do not belong together."
            )
        return outputs

    def _outputs(self, images: np.ndarray) -> Outputs:
        outputs, name = self._run(images), self._answer.output
        known = np.asarray(outputs[KNOWN], "float32")[:, 0] if self.rejects else None
        if name in outputs:
            found = np.asarray(outputs[name], "float32")
            try:  # predict_inputs tells of what is no number
                if np.isfinite(found).all():
                    found = self._answer.checked(found)
                return Outputs(found, known)
            except ValueError as error:
                raise ValueError(f"{self.path}: {error}.") from error
        if "logits" in outputs:
            return Outputs(self._answer.of_logits(outputs["logits"]), known)
        raise ValueError(f"{self.path} gives neither {name} nor logits.")


def _several(images: ImageLike | Iterable[ImageLike]) -> Iterable[ImageLike]:
    if isinstance(images, str | pathlib.Path | bytes | Image.Image):
        return [images]
    if isinstance(images, np.ndarray):
        if images.ndim not in (3, 4):
            raise ValueError(
                f"Pixels must be (H, W, C) or (N, H, W, C), not {images.shape}."
            )
        return images if images.ndim == 4 else [images]
    return images


def _normalize(pixels: np.ndarray, facts: Mapping[str, Any]) -> np.ndarray:
    mean, std = (np.array(facts[name], "float32") for name in ("mean", "std"))
    if mean.size != pixels.shape[-1]:  # e.g. grayscale: the mean over the channels
        mean, std = mean.mean(), std.mean()
    return (pixels.astype("float32") / 255 - mean) / std
