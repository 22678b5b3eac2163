"""Metrics in which every class counts alike, however many images it has."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_hybrid.utils.typing import Tensor

CLASS_METRICS = ("balanced_accuracy", "macro_f1")


def balanced_accuracy(matrix: np.ndarray) -> float:
    """Mean recall of the classes that occur.

    Args:
        matrix: Images `(classes, classes)`: true class by row, predicted by column.
    """
    images = matrix.sum(1)
    return float((matrix.diagonal() / np.maximum(images, 1e-9))[images > 0].mean())


def macro_f1(matrix: np.ndarray) -> float:
    """Mean F1 score, `2 TP / (2 TP + FP + FN)`, of the classes that occur.

    A class occurs if an image has it or was predicted to have it.

    Args:
        matrix: As for `balanced_accuracy`.
    """
    both = matrix.sum(1) + matrix.sum(0)
    return float((2 * matrix.diagonal() / np.maximum(both, 1e-9))[both > 0].mean())


class ClassMetric(keras.metrics.Metric):
    """A metric of the confusion matrix of one-hot labels and logits.

    Args:
        classes: Number of classes.
        name: `"balanced_accuracy"` or `"macro_f1"`.
    """

    def __init__(self, classes: int, name: str):
        super().__init__(name=name)
        self.classes = classes
        self.matrix = self.add_variable((classes, classes), "zeros", name="matrix")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        true = ops.one_hot(ops.argmax(y_true, -1), self.classes)
        predicted = ops.one_hot(ops.argmax(y_pred, -1), self.classes)
        if sample_weight is not None:
            weight = ops.cast(ops.reshape(sample_weight, (-1, 1)), predicted.dtype)
            predicted = predicted * weight
        self.matrix.assign_add(ops.matmul(ops.transpose(true), predicted))

    def result(self) -> Tensor:
        images, predicted = ops.sum(self.matrix, 1), ops.sum(self.matrix, 0)
        right = ops.diagonal(self.matrix)
        if self.name == "balanced_accuracy":
            values, of = right, images
        else:
            values, of = 2 * right, images + predicted
        occurs = ops.cast(of > 0, "float32")
        return ops.sum(values / ops.maximum(of, 1e-9)) / ops.maximum(
            ops.sum(occurs), 1.0
        )

    def get_config(self) -> dict[str, Any]:
        return {"classes": self.classes, "name": self.name}
