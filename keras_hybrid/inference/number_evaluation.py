"""A regression model's predictions for images with numbers."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keras_hybrid.inference.evaluation import Evaluation
from keras_hybrid.train.number_scores import (
    largest_errors,
    number_headline,
    number_metrics,
)
from keras_hybrid.train.number_sections import add_errors, add_scatter
from keras_hybrid.utils.page import Page
from keras_hybrid.utils.text_table import text_table

ERRORS = 12
"""Number of errors that are listed."""


@dataclasses.dataclass(frozen=True)
class NumberEvaluation(Evaluation):
    """True and predicted numbers; labels and outputs are `(N, 1)`."""

    @functools.cached_property
    def metrics(self) -> dict[str, float]:
        """`number_metrics`."""
        return number_metrics(self.outputs.astype("float64"), self.labels)

    @property
    def what(self) -> str:
        return f"numbers from {self.labels.min():g} to {self.labels.max():g}"

    @functools.cached_property
    def headline(self) -> dict[str, Any]:
        """`number_headline`."""
        return number_headline(self.outputs.astype("float64"), self.labels)

    def facts(self) -> dict[str, Any]:
        return {"largest_errors": self.error_rows()}

    def error_rows(self) -> list[dict[str, Any]]:
        """The largest errors: file, true and predicted number."""
        return [
            {
                "file": str(self.paths[i]),
                "true": float(f"{self.labels[i, 0]:.9g}"),
                "predicted": float(f"{self.outputs[i, 0]:.9g}"),
            }
            for i in largest_errors(self.outputs, self.labels, ERRORS)
        ]

    def text(self) -> Iterator[str]:
        yield from ["", "The largest errors"]
        yield from text_table(self.error_rows())

    def add_sections(
        self, page: Page, picture: Callable[[pathlib.Path], np.ndarray]
    ) -> None:
        add_scatter(page, self.outputs, self.labels)
        pair = self.outputs, self.labels
        add_errors(page, lambda i: picture(self.paths[i]), *pair, self.paths)
        page.table(self.error_rows(), "Files of the largest ones.", folded=True)
