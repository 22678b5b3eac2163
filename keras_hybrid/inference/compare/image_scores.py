"""How good each prediction of a run is, by its task."""

import dataclasses

import numpy as np

from keras_hybrid.inference.compare.read_run import ComparedRun
from keras_hybrid.train.label_set_scores import THRESHOLD
from keras_hybrid.train.saved_predictions import SavedPredictions


@dataclasses.dataclass(frozen=True)
class ImageScores:
    """The score of each image in each run, of which the mean is compared.

    Attributes:
        measure: What the mean is called.
        values: `(runs, N)`; 0 or 1 where a prediction is wrong or right.
        binary: Whether they are.
        lower_is_better: Whether they are errors.
    """

    measure: str
    values: np.ndarray
    binary: bool = True
    lower_is_better: bool = False


def image_scores(
    runs: list[ComparedRun], predictions: list[SavedPredictions]
) -> ImageScores:
    """The scores of runs of one task.

    Args:
        runs: The runs.
        predictions: Their predictions in one order of the images.

    Raises:
        ValueError: If the task has no score of a single image.
    """
    labels, task = predictions[0].labels, runs[0].task
    outputs = [x.outputs for x in predictions]
    if task == "classification":
        right = [x.argmax(-1) == labels for x in outputs]
        return ImageScores("accuracy", np.array(right, "float64"))
    if task == "multilabel":
        said = [
            x > np.array(run.card.get("thresholds", THRESHOLD))
            for run, x in zip(runs, outputs, strict=True)
        ]
        right = [(x == (labels == 1)).all(1) for x in said]
        return ImageScores("all classes right", np.array(right, "float64"))
    if task == "regression":
        errors = [np.abs(x.astype("float64") - labels).mean(1) for x in outputs]
        return ImageScores("mean absolute error", np.array(errors), False, True)
    raise ValueError(f"Runs of the task {task} cannot be compared.")
