"""The coefficient of determination as a Keras metric."""

from typing import Any

import keras
from keras import ops

from keras_hybrid.utils.typing import Tensor


class RSquared(keras.metrics.Metric):
    """R2, `1 - sum (y - p)^2 / sum (y - mean y)^2`, of numbers `(B, 1)`.

    The sums are of standardized numbers, which keeps their precision in float32
    (`keras.metrics.R2Score` sums the squares of the numbers themselves).

    Args:
        mean: About the mean of the numbers.
        std: About their standard deviation.
        name: Name of the metric.
    """

    def __init__(self, mean: float, std: float, name: str = "r2"):
        super().__init__(name=name)
        self.mean, self.std = mean, std
        # weight, and the weighted sums of y, y^2 and (y - p)^2
        self.sums = self.add_variable((4,), "zeros", name="sums")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        y = (ops.cast(y_true, "float32") - self.mean) / self.std
        error = y - (ops.cast(y_pred, "float32") - self.mean) / self.std
        columns = ops.concatenate([ops.ones_like(y), y, y**2, error**2], -1)  # (B, 4)
        if sample_weight is not None:
            weight = ops.reshape(sample_weight, (-1, 1))
            columns = columns * ops.cast(weight, columns.dtype)
        self.sums.assign_add(ops.sum(columns, 0))

    def result(self) -> Tensor:
        weight, total, squares, errors = ops.unstack(self.sums.value)
        weight = ops.maximum(weight, 1e-9)
        spread = squares / weight - (total / weight) ** 2
        return 1 - errors / weight / ops.maximum(spread, 1e-9)

    def get_config(self) -> dict[str, Any]:
        return {"mean": self.mean, "std": self.std, "name": self.name}
