"""Evaluates any model file on a folder of labelled images."""

import dataclasses
import functools
import pathlib
from typing import Any

import numpy as np

from keras_hybrid.inference.calibration import Calibration, calibration
from keras_hybrid.inference.classifier import BATCH, Classifier
from keras_hybrid.inference.labelled_images import find_labelled_images
from keras_hybrid.inference.predict_files import predict_files
from keras_hybrid.train.confusion import (
    confident_mistakes,
    confusion_matrix,
    score_rows,
)
from keras_hybrid.train.evaluate import classification_metrics, log_of
from keras_hybrid.train.headline import Headline, headline

MISTAKES = 24
"""Number of mistakes that are listed."""


@dataclasses.dataclass(frozen=True)
class EvaluationResult:
    """Predictions for labelled images, and what follows from them.

    Attributes:
        model: The file or folder of the model.
        data: The folder of images.
        classes: Names of the classes.
        paths: The image files, `N` of them.
        labels: Numbers of their classes, `(N,)`.
        probabilities: Predicted probabilities, `(N, classes)`.
        ordinal: Whether the classes have an order.
        unreadable: Files that could not be read, and why.
        note: What a reader of the metrics must know; may be empty.
    """

    model: pathlib.Path
    data: pathlib.Path
    classes: tuple[str, ...]
    paths: list[pathlib.Path]
    labels: np.ndarray
    probabilities: np.ndarray
    ordinal: bool = False
    unreadable: dict[pathlib.Path, str] = dataclasses.field(default_factory=dict)
    note: str = ""

    @functools.cached_property
    def metrics(self) -> dict[str, float]:
        """The metrics of `classification_metrics`, and `calibration_error` (ECE)."""
        logarithms = log_of(self.probabilities)
        found = classification_metrics(logarithms, self.labels, self.ordinal)
        return found | {"calibration_error": round(self.calibration.expected_error, 6)}

    @functools.cached_property
    def headline(self) -> Headline:
        """Accuracy, balanced accuracy and the baseline, with intervals."""
        return headline(self.labels, self.probabilities.argmax(-1), self.classes)

    @functools.cached_property
    def matrix(self) -> np.ndarray:
        """Counts of images: true class by row, predicted class by column."""
        predictions = self.probabilities.argmax(-1)
        return confusion_matrix(self.labels, predictions, len(self.classes))

    @functools.cached_property
    def calibration(self) -> Calibration:
        """The reliability curve."""
        return calibration(self.probabilities, self.labels)

    @property
    def absent(self) -> list[str]:
        """Classes of the model without an image."""
        found = set(self.labels.tolist())
        return [name for i, name in enumerate(self.classes) if i not in found]

    @property
    def mistakes(self) -> np.ndarray:
        """Indices of the most confident mistakes, the worst first."""
        return confident_mistakes(self.probabilities, self.labels, MISTAKES)

    def class_rows(self) -> list[dict[str, Any]]:
        """Precision, recall, F1 score and support of each class; None if undefined."""
        return score_rows(self.matrix, self.classes)

    def mistake_rows(self) -> list[dict[str, Any]]:
        """The most confident mistakes: file, true and predicted class, probability."""
        return [
            {
                "file": str(self.paths[i]),
                "class": self.classes[self.labels[i]],
                "predicted": self.classes[self.probabilities[i].argmax()],
                "probability": float(self.probabilities[i].max()),
            }
            for i in self.mistakes
        ]

    def as_dict(self) -> dict[str, Any]:
        """Everything but the single predictions, ready for JSON."""
        return {
            "model": str(self.model),
            "data": str(self.data),
            "images": len(self.labels),
            "note": self.note,
            "headline": self.headline.as_dict(),
            "metrics": self.metrics,
            "classes": self.class_rows(),
            "classes_without_images": self.absent,
            "confusion_matrix": self.matrix.tolist(),
            "calibration": self.calibration.rows(),
            "mistakes": self.mistake_rows(),
            "unreadable": {str(path): why for path, why in self.unreadable.items()},
        }


def evaluate(
    model: Classifier | str | pathlib.Path,
    data: str | pathlib.Path,
    batch_size: int = BATCH,
    quiet: bool = False,
    manifest: str | pathlib.Path | None = None,
) -> EvaluationResult:
    """Evaluates a model on the test images of a folder.

    Args:
        model: What `load` returned, or what it takes.
        data: A folder with one sub-folder per class, with such sub-folders in `train`
            and `test`, or with a `labels.csv`. Classes are matched by name.
        batch_size: Images per call of the model.
        quiet: Whether no progress is printed to stderr.
        manifest: The table of the folder, e.g. the `manifest.csv` of the run, whose
            test images the model has not seen.

    Returns:
        Predictions and metrics. Files that cannot be read are left out and listed.

    Raises:
        FileNotFoundError: If the model or the folder does not exist.
        ValueError: If the card does not name the model's classes, the folder has other
            classes, or none of its images can be read.
    """
    classifier = model if isinstance(model, Classifier) else Classifier(model)
    data = pathlib.Path(data)
    if not classifier.card.get("class_names"):
        raise ValueError(
            f"The classes of {classifier.path} have no names to match those of {data}: "
            "write class_names into the card.json beside it."
        )
    found = find_labelled_images(data, classifier.classes, manifest)
    files = list(predict_files(classifier, found.paths, batch_size, quiet))
    rows = [file.prediction.probabilities for file in files if file.prediction]
    if not rows:
        raise ValueError(f"None of the {len(files)} images of {data} can be read.")
    readable = np.array([file.prediction is not None for file in files])
    settings = classifier.card.get("recipe", {}).get("data", {})
    return EvaluationResult(
        model=classifier.path,
        data=data,
        classes=classifier.classes,
        paths=[file.path for file in files if file.prediction],
        labels=found.labels[readable],
        probabilities=np.concatenate(rows),
        ordinal=settings.get("ordinal", False),
        unreadable={file.path: file.error for file in files if file.error},
        note=_note(data, found.split, classifier.card.get("dataset")),
    )


def _note(data: pathlib.Path, split: str | None, trained_on: str | None) -> str:
    if split or data.resolve().name != trained_on:
        return ""
    return (
        f"{data} has no test split and the name of the training data: if it is the "
        "same folder, the model was trained on most of these images. --manifest takes "
        "the run's manifest.csv, which names its test images."
    )
