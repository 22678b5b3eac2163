"""A classifier's predictions for labelled images."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keras_hybrid.inference.calibration import Calibration, calibration
from keras_hybrid.inference.class_evaluation_page import add_class_sections
from keras_hybrid.inference.class_evaluation_text import class_text
from keras_hybrid.inference.evaluation import Evaluation
from keras_hybrid.inference.rejection import rejection_metrics, rejection_rows
from keras_hybrid.train.confusion import (
    confident_mistakes,
    confusion_matrix,
    score_rows,
)
from keras_hybrid.train.evaluate import classification_metrics, log_of
from keras_hybrid.train.headline import Headline, headline
from keras_hybrid.utils.page import Page

MISTAKES = 24
"""Number of mistakes that are listed."""


@dataclasses.dataclass(frozen=True)
class EvaluationResult(Evaluation):
    """Classes and probabilities of labelled images.

    Labels are numbers of classes `(N,)`, outputs are probabilities `(N, classes)`.
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.names

    @property
    def probabilities(self) -> np.ndarray:
        """Predicted probabilities, `(N, classes)`."""
        return self.outputs

    @property
    def ordinal(self) -> bool:
        """Whether the classes have an order."""
        return self.card.get("recipe", {}).get("data", {}).get("ordinal", False)

    @functools.cached_property
    def metrics(self) -> dict[str, float]:
        """The metrics of `classification_metrics`, and `calibration_error` (ECE).

        With a rule for unknown images also the share that is `accepted`, and the
        `accepted_accuracy` of these.
        """
        logarithms = log_of(self.probabilities)
        found = classification_metrics(logarithms, self.labels, self.ordinal)
        found["calibration_error"] = round(self.calibration.expected_error, 6)
        if self.known is not None:
            found |= rejection_metrics(self.known, self.right)
        return found

    @property
    def right(self) -> np.ndarray:
        """Whether each prediction is right, `(N,)`."""
        return self.probabilities.argmax(-1) == self.labels

    def rejection_rows(self) -> list[dict[str, Any]]:
        """Risk and coverage of the rule for unknown images; none without a rule."""
        return [] if self.known is None else rejection_rows(self.known, self.right)

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

    @property
    def what(self) -> str:
        return f"{len(self.classes) - len(self.absent)} classes"

    def headline_lines(self) -> list[str]:
        return self.headline.lines()

    def headline_facts(self) -> dict[str, Any]:
        return self.headline.as_dict()

    def facts(self) -> dict[str, Any]:
        return {
            "classes": self.class_rows(),
            "classes_without_images": self.absent,
            "confusion_matrix": self.matrix.tolist(),
            "calibration": self.calibration.rows(),
            "unknown": self.rejection_rows(),
            "mistakes": self.mistake_rows(),
        }

    def text(self) -> Iterator[str]:
        return class_text(self)

    def add_sections(
        self, page: Page, picture: Callable[[pathlib.Path], np.ndarray]
    ) -> None:
        add_class_sections(page, self, picture)
