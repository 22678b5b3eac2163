"""A multi-label classifier's predictions for labelled images."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keras_hybrid.inference.evaluation import Evaluation
from keras_hybrid.train.label_set_scores import (
    THRESHOLD,
    label_set_headline,
    label_set_metrics,
    largest_losses,
)
from keras_hybrid.train.label_set_sections import (
    add_label_mistakes,
    add_labels,
    in_percent,
    label_rows,
)
from keras_hybrid.utils.page import Page
from keras_hybrid.utils.text_table import text_table

MISTAKES = 24
"""Number of mistakes that are listed."""


@dataclasses.dataclass(frozen=True)
class LabelSetEvaluation(Evaluation):
    """Labels are 0 or 1, outputs are probabilities, both `(N, classes)`."""

    @property
    def thresholds(self) -> np.ndarray:
        """Those of the card, `(classes,)`."""
        return np.array(self.card.get("thresholds", [THRESHOLD] * len(self.names)))

    @functools.cached_property
    def metrics(self) -> dict[str, float]:
        """`label_set_metrics`."""
        return label_set_metrics(self._probabilities, self.labels, self.thresholds)

    @property
    def what(self) -> str:
        return f"{len(self.names) - len(self.absent)} classes"

    @property
    def absent(self) -> list[str]:
        """Classes of the model without an image."""
        return [self.names[i] for i in np.flatnonzero(~self.labels.any(0))]

    @functools.cached_property
    def headline(self) -> dict[str, Any]:
        """`label_set_headline`."""
        return label_set_headline(self._probabilities, self.labels)

    def class_rows(self) -> list[dict[str, Any]]:
        """Scores of each class; None if undefined."""
        pair = self._probabilities, self.labels
        return label_rows(*pair, self.names, self.thresholds)

    def facts(self) -> dict[str, Any]:
        return {
            "classes": self.class_rows(),
            "classes_without_images": self.absent,
            "mistakes": self.mistake_rows(),
        }

    def mistake_rows(self) -> list[dict[str, Any]]:
        """The surest mistakes: file, class, whether the image has it, probability."""
        rows = []
        for i in self._worst:
            k = np.abs(self.outputs[i] - self.labels[i]).argmax()
            rows.append(
                {
                    "file": str(self.paths[i]),
                    "class": self.names[k],
                    "has it": bool(self.labels[i, k]),
                    "probability": float(self.outputs[i, k]),
                }
            )
        return rows

    def text(self) -> Iterator[str]:
        yield ""
        yield from text_table(in_percent(row) for row in self.class_rows())
        if len(self._worst):
            yield from ["", "The surest mistakes"]
            yield from text_table(
                row | {"probability": f"{row['probability']:.1%}"}
                for row in self.mistake_rows()
            )

    def add_sections(
        self, page: Page, picture: Callable[[pathlib.Path], np.ndarray]
    ) -> None:
        pair = self._probabilities, self.labels
        add_labels(page, *pair, self.names, self.thresholds)
        add_label_mistakes(
            page, lambda i: picture(self.paths[i]), *pair, self.names, self.paths
        )
        if len(self._worst):
            page.table(self.mistake_rows(), "Files of the surest ones.", folded=True)

    @property
    def _probabilities(self) -> np.ndarray:
        return self.outputs.astype("float64")

    @property
    def _worst(self) -> np.ndarray:
        return largest_losses(self.outputs, self.labels, MISTAKES)
