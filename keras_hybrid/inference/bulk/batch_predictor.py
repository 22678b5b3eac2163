"""A callable class for `map_batches` of Ray Data."""

import concurrent.futures
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from keras_hybrid.data.lazy_images import WORKERS
from keras_hybrid.inference.answer import Answer
from keras_hybrid.inference.answers import ANSWERS
from keras_hybrid.inference.bulk.columns import columns_of, holds_numbers, names_of
from keras_hybrid.inference.classifier import load
from keras_hybrid.inference.predict_files import input_of, outputs_of


class BatchPredictor:
    """Predicts for batches of Ray Data: give it to `Dataset.map_batches`.

    Each worker of Ray makes one, and opens the model once. An image that cannot be read
    becomes a row with an error.

    Args:
        model: As for `load`; every machine must find it.
        top: How many classes an image gets.
        threshold: Of a model for several classes per image: the probability above which
            an image has a class, in place of those in the card.
        column: Column of the batches with the images: paths, contents of files, or
            pixels `(H, W, C)`.

    Raises:
        ValueError: If `top` is below 1, or the model has no threshold.
        FileNotFoundError, ImportError: As `load`.

    Example:
        >>> images = ray.data.read_binary_files("photos", include_paths=True)
        >>> found = images.map_batches(
        ...     BatchPredictor,
        ...     fn_constructor_kwargs={"model": "saved_models/run", "column": "bytes"},
        ...     batch_size=32,
        ...     compute=ray.data.ActorPoolStrategy(size=2),
        ... )
    """

    def __init__(
        self,
        model: str | pathlib.Path,
        top: int = 5,
        threshold: float | None = None,
        column: str = "image",
    ):
        if top < 1:
            raise ValueError(f"top must be 1 or more, not {top}.")
        self.classifier = load(model)
        task, classes = self.classifier.task, self.classifier.classes
        if threshold is not None:
            if not ANSWERS[task].prediction.has_threshold:
                raise ValueError(f"A threshold has no meaning for {task}.")
            self.classifier.card["thresholds"] = [threshold] * len(classes)
        self.column = column
        self.top = min(top, len(classes))
        self.names = names_of(self.classifier, self.top)
        self._pool = concurrent.futures.ThreadPoolExecutor(WORKERS)

    def __call__(self, batch: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """The batch with the columns of the predictions in place of the images."""
        images = [_image(x) for x in batch[self.column]]
        found = columns_of(self.predict(images), self.names, self.top)
        kept = {name: x for name, x in batch.items() if name != self.column}
        return kept | {
            name: np.array(values, float if holds_numbers(name) else object)
            for name, values in found.items()
        }

    def predict(self, images: Sequence[Any]) -> Iterator[Answer | str]:
        """What the model says about each image of a batch, or why it cannot be read.

        Args:
            images: Images as for `Classifier.preprocess`; a ValueError stands for one
                that could not be read.
        """
        inputs = list(self._pool.map(self._read, images))
        for found in outputs_of(self.classifier, inputs):
            yield found if isinstance(found, str) else self.classifier.answer(found)

    def _read(self, image: Any) -> np.ndarray | str:
        if isinstance(image, ValueError):
            return str(image)
        return input_of(self.classifier, image)


def _image(value: Any) -> Any:
    """An image as `Classifier.preprocess` takes it, of a cell of a batch."""
    if value is None:
        return ValueError("The row has no image.")
    return str(value) if isinstance(value, np.str_) else value
