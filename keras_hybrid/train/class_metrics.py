"""Metrics in which every class counts alike, however many images it has."""

from typing import Any

import keras
from keras import ops

from keras_hybrid.utils.typing import Tensor


def balanced_accuracy(matrix: Tensor) -> Tensor:
    """Mean recall of the classes that occur.

    Args:
        matrix: Images `(classes, classes)`: true class by row, predicted by column.
    """
    matrix = ops.cast(matrix, "float32")
    return _mean_ratio(ops.diagonal(matrix), ops.sum(matrix, 1))


def macro_f1(matrix: Tensor) -> Tensor:
    """Mean F1 score, `2 TP / (2 TP + FP + FN)`, of the classes that occur.

    A class occurs if an image has it or was predicted to have it.

    Args:
        matrix: As for `balanced_accuracy`.
    """
    matrix = ops.cast(matrix, "float32")
    return _mean_ratio(
        2 * ops.diagonal(matrix), ops.sum(matrix, 1) + ops.sum(matrix, 0)
    )


def _mean_ratio(part: Tensor, whole: Tensor) -> Tensor:
    """Mean of `part / whole` where `whole` is above 0."""
    count = ops.sum(ops.cast(whole > 0, "float32"))
    return ops.sum(part / ops.maximum(whole, 1e-9)) / ops.maximum(count, 1.0)


CLASS_METRICS = {"balanced_accuracy": balanced_accuracy, "macro_f1": macro_f1}


class ClassMetric(keras.metrics.Metric):
    """A metric of the confusion matrix of one-hot labels and logits.

    Args:
        classes: Number of classes.
        name: A key of `CLASS_METRICS`.
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
        return CLASS_METRICS[self.name](self.matrix)

    def get_config(self) -> dict[str, Any]:
        return {"classes": self.classes, "name": self.name}
