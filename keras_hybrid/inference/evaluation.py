"""Predictions for labelled images, whatever the task of the model."""

import abc
import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from keras_hybrid.utils.page import Page


@dataclasses.dataclass(frozen=True)
class Evaluation(abc.ABC):
    """Predictions for labelled images, and what follows from them.

    Attributes:
        model: The file or folder of the model.
        data: The folder of images.
        names: Names of the outputs, e.g. of the classes.
        paths: The image files, `N` of them.
        labels: Their labels, as `data.targets` reads them.
        outputs: What the model puts out for them, `(N, outputs)`.
        card: The card of the model.
        unreadable: Files that could not be read, and why.
        known: How much each is like the training images, `(N,)`; None of a model
            without a rule for unknown images.
        note: What a reader of the metrics must know; may be empty.
        seen: Whether each image is a copy of one that the model was trained on, `(N,)`;
            None if that is not known.
    """

    model: pathlib.Path
    data: pathlib.Path
    names: tuple[str, ...]
    paths: list[pathlib.Path]
    labels: np.ndarray
    outputs: np.ndarray
    card: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    unreadable: dict[pathlib.Path, str] = dataclasses.field(default_factory=dict)
    note: str = ""
    seen: np.ndarray | None = None
    known: np.ndarray | None = None

    @property
    @abc.abstractmethod
    def metrics(self) -> dict[str, float]:
        """The metrics by name."""

    @property
    @abc.abstractmethod
    def what(self) -> str:
        """What the images are of, e.g. "3 classes"."""

    @property
    def absent(self) -> list[str]:
        """Names of outputs without an image."""
        return []

    @property
    @abc.abstractmethod
    def headline(self) -> Any:
        """The result; values by name, ready for JSON, with lines under `text`."""

    def headline_lines(self) -> list[str]:
        """The result in few lines."""
        return self.headline["text"]

    def headline_facts(self) -> dict[str, Any]:
        """The same as values, ready for JSON."""
        return self.headline

    @functools.cached_property
    def unseen(self) -> Self | None:
        """The same without images seen in training; None if all or none are."""
        if self.seen is None or self.seen.all() or not self.seen.any():
            return None
        rest = np.flatnonzero(~self.seen)
        return dataclasses.replace(
            self,
            paths=[self.paths[i] for i in rest],
            labels=self.labels[rest],
            outputs=self.outputs[rest],
            known=None if self.known is None else self.known[rest],
            seen=None,
        )

    def seen_lines(self) -> list[str]:
        """How many images the model was trained on, and the result without them."""
        if self.seen is None:
            return []
        count = int(self.seen.sum())
        if not count:
            return ["No image is a copy of one that the model was trained on."]
        said = [
            f"{count:,} of these images are copies of images that the model was "
            "trained on or validated with."
        ]
        if self.unseen is None:
            return [*said, "No other image is left."]
        first, *others = self.unseen.headline_lines()
        return [*said, f"Without them: {first[0].lower()}{first[1:]}", *others]

    @abc.abstractmethod
    def facts(self) -> dict[str, Any]:
        """Everything else but the single predictions, ready for JSON."""

    @abc.abstractmethod
    def text(self) -> Iterator[str]:
        """Lines for a terminal below the metrics."""

    @abc.abstractmethod
    def add_sections(
        self, page: Page, picture: Callable[[pathlib.Path], np.ndarray]
    ) -> None:
        """Adds to a page what stands below the metrics.

        Args:
            page: The page.
            picture: From a file to its pixels `(H, W, C)`.
        """

    def as_dict(self) -> dict[str, Any]:
        """Everything but the single predictions, ready for JSON."""
        return {
            "model": str(self.model),
            "data": str(self.data),
            "images": len(self.labels),
            "note": self.note,
            "headline": self.headline_facts(),
            "metrics": self.metrics,
            **self._seen_facts(),
            **self.facts(),
            "unreadable": {str(path): why for path, why in self.unreadable.items()},
        }

    def _seen_facts(self) -> dict[str, Any]:
        if self.seen is None:
            return {}
        found: dict[str, Any] = {"seen": int(self.seen.sum())}
        if self.unseen:
            found["headline"] = self.unseen.headline_facts()
            found["metrics"] = self.unseen.metrics
        return {"seen_in_training": found}
