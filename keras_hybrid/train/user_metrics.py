"""Keras metrics that the user of `run` adds."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from keras_hybrid.train.devices import Devices
from keras_hybrid.train.metrics_logger import NAMES
from keras_hybrid.train.tasks.task import Task
from keras_hybrid.utils.typing import Tensor

Metrics = Sequence[keras.metrics.Metric]


class OfPredictions(keras.metrics.Metric):
    """A metric that gets predictions, e.g. probabilities where a network has logits.

    Args:
        metric: The metric, of the targets and predictions of the task.
        predictions: `Task.predictions`.
    """

    def __init__(
        self, metric: keras.metrics.Metric, predictions: Callable[[Tensor], Tensor]
    ):
        super().__init__(name=metric.name, dtype=metric.dtype)
        self.metric = metric
        self.predictions = predictions

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        self.metric.update_state(y_true, self.predictions(y_pred), sample_weight)

    def result(self) -> Tensor:
        return self.metric.result()

    def reset_state(self) -> None:
        self.metric.reset_state()

    def get_config(self) -> dict[str, Any]:
        return {
            "metric": keras.saving.serialize_keras_object(self.metric),
            "predictions": self.predictions,
        }


def check_metrics(metrics: Metrics, task: Task, outputs: int, devices: Devices) -> None:
    """Refuses metrics that would fail after the first epoch.

    Args:
        metrics: The metrics; each is updated once, and reset.
        task: What the network learns.
        outputs: Number of its outputs, e.g. of classes.
        devices: Where the run computes.

    Raises:
        ValueError: If one is no Keras metric, its name is taken, it does not take
            `Task.example`, or its result is not a single number. Also for any metric on
            several devices of TensorFlow, which need variables that are made for them.
    """
    if metrics and devices.replicas > 1 and keras.backend.backend() == "tensorflow":
        raise ValueError("Metrics of your own need --devices 1 on TensorFlow.")
    names = {*NAMES, *task.keep_best}
    for metric in metrics:
        if not isinstance(metric, keras.metrics.Metric):
            raise ValueError(
                f"metrics takes objects of keras.metrics.Metric, not {metric!r}."
            )
        if metric.name in names:
            raise ValueError(
                f"There is a metric {metric.name!r} already: give another name=."
            )
        names.add(metric.name)
        shape = _result_shape(metric, task, outputs)
        if shape != ():
            raise ValueError(
                f"The metric {metric.name} must give a single number, not "
                f"{'a dict' if shape is None else shape}; some take average='macro'."
            )


def _result_shape(
    metric: keras.metrics.Metric, task: Task, outputs: int
) -> tuple[int, ...] | None:
    """Shape of the result after one update; None if it is no tensor."""
    try:
        metric.update_state(*task.example(outputs))
        result = metric.result()
    except Exception as error:  # metrics raise many kinds
        raise ValueError(
            f"The metric {metric.name} does not take {task.compared}, (images, "
            f"{outputs}): {error}"
        ) from error
    metric.reset_state()
    return None if isinstance(result, dict) else tuple(ops.shape(result))
