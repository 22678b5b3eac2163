"""A task: what a network learns from the labels, and how its answers are judged.

How labels are read is in `data.targets`, and how predictions are printed and compared
with labelled images in `inference.answers`, both under the same name.
"""

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.data import Dataset, Split
from keras_hybrid.train.mistake_gallery import Pixels
from keras_hybrid.utils.page import Page
from keras_hybrid.utils.typing import Tensor

if TYPE_CHECKING:
    from keras_hybrid.train.recipe import Recipe


class Task(abc.ABC):
    """What differs between tasks in training.

    Attributes:
        name: Its name, e.g. "classification".
        activation: Activation of the network's output, by Keras' name.
        measure: The metric that is drawn beside the loss, and that a search maximizes.
        keep_best: Metrics by which the best epoch may be chosen.
        lower_is_better: Those of them that improve as they fall.
        kind: What a model is called, e.g. "image classifier".
        hub_task: The task by the name of the Hugging Face hub.
        first_use: What to ask of a prediction, as code, in a model card.
        compared: Targets and predictions in words, for messages.
        rejects: Whether a rule for unknown images can be fitted.
        unused: Fields of a recipe that have no meaning, which must keep their defaults.
    """

    name: ClassVar[str]
    activation: ClassVar[str]
    measure: ClassVar[str]
    keep_best: ClassVar[tuple[str, ...]]
    lower_is_better: ClassVar[tuple[str, ...]] = ("loss",)
    compared: ClassVar[str]
    kind: ClassVar[str]
    hub_task: ClassVar[str]
    first_use: ClassVar[str]
    rejects: ClassVar[bool] = False
    unused: ClassVar[tuple[str, ...]] = ()

    def check(self, recipe: "Recipe") -> None:
        """Refuses settings that have no meaning for this task.

        Raises:
            ValueError: If there is one; the line says which, and what to give instead.
        """
        metric = recipe.selection.keep_best
        if metric not in ("auto", "none", *self.keep_best):
            raise ValueError(
                f"--keep-best {metric} is no metric of {self.name}: give "
                f"{', '.join(self.keep_best)}, auto or none."
            )
        for group in (recipe.data, recipe.augmentation, recipe.optimization):
            self._check_unused(group)
        self._check_unused(recipe.selection)

    def _check_unused(self, group: Any) -> None:
        for field in dataclasses.fields(group):
            value = getattr(group, field.name)
            if field.name in self.unused and value and value != field.default:
                option = f"--{field.name.replace('_', '-')}"
                raise ValueError(
                    f"{option} {value} has no meaning for --task {self.name}: leave it "
                    f"at {field.default}."
                )

    def score(self, metric: str, value: float) -> float:
        """The value of a metric as a number that is higher where it is better."""
        return -value if metric in self.lower_is_better else value

    @abc.abstractmethod
    def choose_keep_best(
        self, dataset: Dataset, training: np.ndarray, validation: np.ndarray
    ) -> tuple[str, str]:
        """What `--keep-best auto` means, and why; an empty reason is not told.

        Args:
            dataset: The images.
            training: Indices of the images to train on.
            validation: Indices of those held out.
        """

    def notes(
        self, recipe: "Recipe", training: Split, names: Sequence[str]
    ) -> list[str]:
        """Lines about the training images, to be printed before the training."""
        return []

    def complete(self, model: keras.Model, dataset: Dataset) -> keras.Model:
        """The model, built with `activation`, as the run saves it."""
        return model

    def trained(self, model: keras.Model) -> keras.Model:
        """The network within a saved model that is trained and evaluated."""
        return models.logits(model)

    @abc.abstractmethod
    def loss(
        self, recipe: "Recipe", network: keras.Model, split: Split
    ) -> keras.losses.Loss:
        """The loss of targets and of what `trained` puts out.

        Args:
            recipe: The settings.
            network: What `trained` returned, or a part of it with the same last layer.
            split: The training images.
        """

    @abc.abstractmethod
    def metrics(self, recipe: "Recipe", network: keras.Model) -> list[Any]:
        """Metrics of every epoch, as `compile` takes them."""

    @abc.abstractmethod
    def example(self, outputs: int) -> tuple[np.ndarray, np.ndarray]:
        """Targets and predictions on which a user's metric is tried."""

    def predictions(self, y_pred: Tensor) -> Tensor:
        """What a user's metric compares with the targets, from the network's output."""
        return keras.activations.get(self.activation)(y_pred)

    def settle(
        self, network: keras.Model, validation: Split | None, names: Sequence[str]
    ) -> dict[str, Any]:
        """What a trained network's predictions for the held-out images decide.

        Args:
            network: What `trained` returned, or its mean over views.
            validation: The held-out images; None if there are none.
            names: Names of the outputs.

        Returns:
            Entries of the card, which `evaluate` and the methods below get, too.
        """
        return {}

    @abc.abstractmethod
    def evaluate(
        self,
        recipe: "Recipe",
        network: keras.Model,
        split: Split,
        settled: Mapping[str, Any],
    ) -> tuple[dict[str, float], np.ndarray]:
        """The metrics of a test, whose names begin with `test_`; and the predictions.

        Args:
            recipe: The settings.
            network: What `trained` returned, or its mean over views.
            split: The test images.
            settled: What `settle` returned.

        Returns:
            The metrics; and float64 `(N, outputs)`, for the methods below.
        """

    @abc.abstractmethod
    def facts(self, model: keras.Model, names: Sequence[str]) -> dict[str, Any]:
        """What the card of a model says about its outputs."""

    @abc.abstractmethod
    def describe_outputs(self, card: Mapping[str, Any]) -> tuple[str, str]:
        """What a model gives in words, e.g. "3 probabilities"; and a paragraph on it.

        Args:
            card: A card with `facts`.
        """

    @abc.abstractmethod
    def summarize_test(
        self,
        recipe: "Recipe",
        dataset: Dataset,
        predictions: np.ndarray,
        settled: Mapping[str, Any],
    ) -> dict[str, Any]:
        """What the card says about the test, beside the metrics.

        `headline` has the `text` that a run prints.
        """

    @abc.abstractmethod
    def add_sections(
        self, page: Page, test: Split, predictions: np.ndarray, card: Mapping[str, Any]
    ) -> None:
        """Adds to the report of a run where the predictions are wrong."""


def pixels_of(test: Split) -> Pixels:
    """Reads one image of a split at a time."""
    return lambda index: test.images[np.array([index])][0]
