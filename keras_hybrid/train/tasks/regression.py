"""Regression: every image has a number."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.data import Dataset, Split
from keras_hybrid.train.evaluate import predict_split
from keras_hybrid.train.number_scores import (
    number_headline,
    number_metrics,
)
from keras_hybrid.train.number_sections import add_errors, add_scatter
from keras_hybrid.train.r_squared import RSquared
from keras_hybrid.train.summarize_test import without_seen
from keras_hybrid.train.tasks.task import Task, pixels_of
from keras_hybrid.utils.page import Page
from keras_hybrid.utils.typing import Tensor

if TYPE_CHECKING:
    from keras_hybrid.train.recipe import Recipe


class SquaredError(keras.losses.MeanSquaredError):
    """Mean squared error of standardized numbers.

    Args:
        std: The standard deviation that divides them.
    """

    def __init__(self, std: float):
        super().__init__()
        self.std = std

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return super().call(y_true / self.std, y_pred / self.std)


class Regression(Task):
    """A linear output in the unit of the table, whose logits are standardized.

    Mixup mixes the numbers as it mixes the images. CutMix is refused: a part of an
    image need not have a part of its number.
    """

    name = "regression"
    activation = "linear"
    measure = "mae"
    keep_best = ("mae", "r2", "loss")
    lower_is_better = ("mae", "loss")
    compared = "numbers and predicted numbers"
    kind = "image regression model"
    hub_task = "image-regression"
    first_use = "numbers"
    unused = (
        *("ordinal", "class_range", "per_class", "cutmix"),
        *("label_smoothing", "class_balance", "calibrate", "temperature"),
    )

    def choose_keep_best(
        self, dataset: Dataset, training: np.ndarray, validation: np.ndarray
    ) -> tuple[str, str]:
        if not len(validation):
            return "none", ""
        return "mae", f"there are {len(validation):,} validation images"

    def complete(self, model: keras.Model, dataset: Dataset) -> keras.Model:
        """With mean and standard deviation of all training images of the dataset.

        So the networks of all folds have one unit.
        """
        labels = dataset.train.labels
        return models.in_units(model, float(labels.mean()), float(labels.std()))

    def trained(self, model: keras.Model) -> keras.Model:
        return model

    def loss(
        self, recipe: "Recipe", network: keras.Model, split: Split
    ) -> keras.losses.Loss:
        return SquaredError(_units(network)[1])

    def metrics(self, recipe: "Recipe", network: keras.Model) -> list[Any]:
        return [keras.metrics.MeanAbsoluteError("mae"), RSquared(*_units(network))]

    def example(self, outputs: int) -> tuple[np.ndarray, np.ndarray]:
        numbers = np.arange(4 * outputs, dtype="float32").reshape(4, outputs)
        return numbers, numbers + 0.5

    def evaluate(
        self,
        recipe: "Recipe",
        network: keras.Model,
        split: Split,
        settled: Mapping[str, Any],
    ) -> tuple[dict[str, float], np.ndarray]:
        values = predict_split(network, split)
        metrics = number_metrics(values, split.labels)
        return {f"test_{x}": y for x, y in metrics.items()}, values

    def facts(self, model: keras.Model, names: Sequence[str]) -> dict[str, Any]:
        mean, std = _units(model)
        return {"value_names": list(names), "training_mean": mean, "training_std": std}

    def describe_outputs(self, card: Mapping[str, Any]) -> tuple[str, str]:
        mean, std = card["training_mean"], card["training_std"]
        return "a number", (
            "## Numbers\n\nIn the unit of the training table, where their mean was "
            f"{mean:.4g} and their standard deviation {std:.4g}."
        )

    def summarize_test(
        self,
        recipe: "Recipe",
        dataset: Dataset,
        predictions: np.ndarray,
        settled: Mapping[str, Any],
    ) -> dict[str, Any]:
        labels = dataset.test.labels

        def judge(rest: np.ndarray, groups: np.ndarray | None) -> dict[str, Any]:
            pair = predictions[rest], labels[rest]
            found = number_headline(*pair, groups)
            return {"headline": found, "metrics": number_metrics(*pair)}

        found = number_headline(predictions, labels, dataset.test.groups)
        return {"headline": found} | without_seen(dataset, judge)

    def add_sections(
        self, page: Page, test: Split, predictions: np.ndarray, card: Mapping[str, Any]
    ) -> None:
        add_scatter(page, predictions, test.labels)
        pair = predictions, test.labels
        add_errors(page, pixels_of(test), *pair, test.paths)


def _units(model: keras.Model) -> tuple[float, float]:
    found = models.units(model)
    if found is None:
        raise ValueError(f"{model.name} gives no numbers in units.")
    return found
