"""Classification: every image has one class."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_hybrid.data import Dataset, Split
from keras_hybrid.data.check.class_findings import IMBALANCE
from keras_hybrid.data.labels import likeliest
from keras_hybrid.train.class_metrics import CLASS_METRICS, ClassMetric
from keras_hybrid.train.confusion import confusion_matrix
from keras_hybrid.train.confusion_sections import add_confusion, add_mistakes
from keras_hybrid.train.crossentropy import Crossentropy, class_weights
from keras_hybrid.train.evaluate import evaluate
from keras_hybrid.train.summarize_test import summarize_test
from keras_hybrid.train.tasks.task import Task, pixels_of
from keras_hybrid.utils.page import Page

if TYPE_CHECKING:
    from keras_hybrid.train.recipe import Recipe


class Classification(Task):
    """Softmax and cross-entropy; accuracy, confusions and confident mistakes."""

    name = "classification"
    activation = "softmax"
    measure = "accuracy"
    keep_best = ("accuracy", *CLASS_METRICS, "loss")
    compared = "one-hot labels and probabilities"
    kind = "image classifier"
    hub_task = "image-classification"
    first_use = "top(3)"
    rejects = True

    def choose_keep_best(
        self, dataset: Dataset, training: np.ndarray, validation: np.ndarray
    ) -> tuple[str, str]:
        """The balanced accuracy where the classes are out of balance.

        That needs validation images of every class.
        """
        labels = dataset.train.labels
        classes, counts = np.unique(labels[training], return_counts=True)
        seen = np.isin(classes, labels[validation]).all()
        if not seen or counts.max() < IMBALANCE * counts.min():
            return "none", ""
        most, least = counts.argmax(), counts.argmin()
        found = " and ".join(
            f"{counts[i]:,} training images of {dataset.class_names[classes[i]]}"
            for i in (most, least)
        )
        return "balanced_accuracy", f"there are {found}"

    def notes(
        self, recipe: "Recipe", training: Split, names: Sequence[str]
    ) -> list[str]:
        """The classes with most and fewest images, if they are out of balance."""
        classes, counts = np.unique(training.labels, return_counts=True)
        settings = recipe.optimization
        balanced = counts.max() < IMBALANCE * counts.min()
        if balanced or settings.class_balance != "none":
            return []
        order = classes[np.argsort(-counts, kind="stable")]
        shown = order if len(order) < 5 else [*order[:2], *order[-2:]]
        of_class = dict(zip(classes, counts, strict=True))
        found = [f"{of_class[k]:,} {names[k]}" for k in shown]
        if len(order) >= 5:
            found.insert(2, "...")
        return [
            f"Classes are out of balance, in training images: {', '.join(found)}. "
            "--class-balance weights lets them count equally."
        ]

    def loss(
        self, recipe: "Recipe", network: keras.Model, split: Split
    ) -> keras.losses.Loss:
        settings = recipe.optimization
        weights = None
        if settings.class_balance == "weights":
            labels = likeliest(split.labels)
            weights = class_weights(labels, network.output_shape[-1])
        return Crossentropy(settings.label_smoothing, weights)

    def metrics(self, recipe: "Recipe", network: keras.Model) -> list[Any]:
        found: list[Any] = ["accuracy"]
        if recipe.selection.keep_best in CLASS_METRICS:
            classes = network.output_shape[-1]
            found.append(ClassMetric(classes, recipe.selection.keep_best))
        return found

    def example(self, outputs: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.eye(outputs, dtype="float32")[np.arange(outputs + 1) % outputs]
        return labels, np.full_like(labels, 1 / outputs)

    def evaluate(
        self,
        recipe: "Recipe",
        network: keras.Model,
        split: Split,
        settled: Mapping[str, Any],
    ) -> tuple[dict[str, float], np.ndarray]:
        return evaluate(network, split, recipe.data.ordinal)

    def facts(self, model: keras.Model, names: Sequence[str]) -> dict[str, Any]:
        return {"class_names": list(names)}

    def describe_outputs(self, card: Mapping[str, Any]) -> tuple[str, str]:
        names = card["class_names"]
        return f"{len(names)} probabilities", f"## Classes\n\n{', '.join(names)}"

    def summarize_test(
        self,
        recipe: "Recipe",
        dataset: Dataset,
        predictions: np.ndarray,
        settled: Mapping[str, Any],
    ) -> dict[str, Any]:
        return summarize_test(dataset, predictions, recipe.data.ordinal)

    def add_sections(
        self, page: Page, test: Split, predictions: np.ndarray, card: Mapping[str, Any]
    ) -> None:
        names = tuple(card["class_names"])
        matrix = confusion_matrix(test.labels, predictions.argmax(-1), len(names))
        add_confusion(page, matrix, names)
        pair = predictions, test.labels
        add_mistakes(page, pixels_of(test), *pair, names, test.paths)
