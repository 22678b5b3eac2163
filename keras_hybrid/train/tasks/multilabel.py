"""Multi-label classification: every image has any number of classes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_hybrid.data import Dataset, Split
from keras_hybrid.train.evaluate import predict_split, sigmoid
from keras_hybrid.train.label_set_scores import (
    THRESHOLD,
    best_thresholds,
    label_set_headline,
    label_set_metrics,
)
from keras_hybrid.train.label_set_sections import (
    add_label_mistakes,
    add_labels,
    label_rows,
)
from keras_hybrid.train.summarize_test import without_seen
from keras_hybrid.train.tasks.task import Task, pixels_of
from keras_hybrid.utils.page import Page

if TYPE_CHECKING:
    from keras_hybrid.train.recipe import Recipe


class MultiLabel(Task):
    """A sigmoid for each class, and binary cross-entropy.

    Mixed images have the mixed labels, and label smoothing moves 0 and 1 towards a
    half. Without --keep-best it keeps the epoch with the best area under the curve of
    precision and recall, the mean of all classes (`pr_auc`).
    """

    name = "multilabel"
    activation = "sigmoid"
    measure = "pr_auc"
    keep_best = ("pr_auc", "loss")
    compared = "0 or 1 for each class and probabilities"
    kind = "image classifier of several classes per image"
    hub_task = "image-classification"
    first_use = "label_names"
    unused = (
        *("ordinal", "class_range", "per_class"),
        *("class_balance", "calibrate", "temperature"),
    )

    def choose_keep_best(
        self, dataset: Dataset, training: np.ndarray, validation: np.ndarray
    ) -> tuple[str, str]:
        labels = dataset.train.labels
        if (labels[training].any(0) & ~labels[validation].any(0)).any():
            return "none", ""
        return "pr_auc", "there are validation images of every class"

    def loss(
        self, recipe: "Recipe", network: keras.Model, split: Split
    ) -> keras.losses.Loss:
        smoothing = recipe.optimization.label_smoothing
        return keras.losses.BinaryCrossentropy(True, label_smoothing=smoothing)

    def metrics(self, recipe: "Recipe", network: keras.Model) -> list[Any]:
        classes = network.output_shape[-1]
        settings = {"multi_label": True, "num_labels": classes, "from_logits": True}
        return [keras.metrics.AUC(curve="PR", name="pr_auc", **settings)]

    def settle(
        self, network: keras.Model, validation: Split | None, names: Sequence[str]
    ) -> dict[str, Any]:
        """The threshold of each class, the one with the best F1 score."""
        if validation is None:
            return {"thresholds": [THRESHOLD] * len(names)}
        pair = _probabilities(network, validation), validation.labels
        return {"thresholds": best_thresholds(*pair)}

    def example(self, outputs: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.tri(outputs + 1, outputs, dtype="float32")
        return labels, np.full_like(labels, 0.5)

    def evaluate(
        self,
        recipe: "Recipe",
        network: keras.Model,
        split: Split,
        settled: Mapping[str, Any],
    ) -> tuple[dict[str, float], np.ndarray]:
        probabilities = _probabilities(network, split)
        thresholds = np.array(settled["thresholds"])
        metrics = label_set_metrics(probabilities, split.labels, thresholds)
        return {f"test_{x}": y for x, y in metrics.items()}, probabilities

    def facts(self, model: keras.Model, names: Sequence[str]) -> dict[str, Any]:
        return {"class_names": list(names)}

    def describe_outputs(self, card: Mapping[str, Any]) -> tuple[str, str]:
        names = card["class_names"]
        return f"{len(names)} probabilities, one for each class", (
            f"## Classes\n\nAn image may have several: {', '.join(names)}"
        )

    def summarize_test(
        self,
        recipe: "Recipe",
        dataset: Dataset,
        predictions: np.ndarray,
        settled: Mapping[str, Any],
    ) -> dict[str, Any]:
        labels, names = dataset.test.labels, dataset.class_names
        thresholds = np.array(settled["thresholds"])

        def judge(rest: np.ndarray, groups: np.ndarray | None) -> dict[str, Any]:
            pair = predictions[rest], labels[rest]
            metrics = label_set_metrics(*pair, thresholds)
            return {"headline": label_set_headline(*pair, groups), "metrics": metrics}

        found = label_set_headline(predictions, labels, dataset.test.groups)
        rows = label_rows(predictions, labels, names, thresholds)
        seen = without_seen(dataset, judge)
        return {"headline": found, "test_classes": rows} | seen

    def add_sections(
        self, page: Page, test: Split, predictions: np.ndarray, card: Mapping[str, Any]
    ) -> None:
        names, thresholds = card["class_names"], np.array(card["thresholds"])
        add_labels(page, predictions, test.labels, names, thresholds)
        pair = predictions, test.labels
        add_label_mistakes(page, pixels_of(test), *pair, names, test.paths)


def _probabilities(network: keras.Model, split: Split) -> np.ndarray:
    """Those of a network that gives logits, float64 `(N, classes)`."""
    return sigmoid(predict_split(network, split))
