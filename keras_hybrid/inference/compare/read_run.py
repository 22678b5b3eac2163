"""A run that is compared with others."""

import dataclasses
import functools
import pathlib
from typing import Any

from keras_hybrid import models
from keras_hybrid.analysis import macs
from keras_hybrid.inference.compare.predict_again import predict_again
from keras_hybrid.models.keras_file import load_keras
from keras_hybrid.train.metrics_logger import read_metrics
from keras_hybrid.train.run_data import manifest_rows
from keras_hybrid.train.saved_predictions import (
    FILE,
    SavedPredictions,
    read_predictions,
)
from keras_hybrid.train.workdir import CARD
from keras_hybrid.utils.card import read_card
from keras_hybrid.utils.card_fields import check_fields


@dataclasses.dataclass(frozen=True)
class ComparedRun:
    """A complete run.

    Attributes:
        directory: Its folder.
        card: Its card.
        epochs: One dict per epoch; none of a joint model of folds.
        predictions: Its answers for the test images.
        paths: The test images, from the folder of the data; None if they are not files.
    """

    directory: pathlib.Path
    card: dict[str, Any]
    epochs: list[dict[str, Any]]
    predictions: SavedPredictions
    paths: list[str] | None

    @property
    def task(self) -> str:
        """The task by name."""
        return self.card.get("task", "classification")

    @property
    def outputs(self) -> list[str]:
        """Names of the classes, or of the numbers."""
        return self.card.get("class_names") or self.card.get("value_names") or []

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of the card."""
        return self.card.get("metrics", {})

    @functools.cached_property
    def macs(self) -> int | None:
        """Multiply-adds per image, of all views; None where they cannot be counted."""
        path = self.directory / "model.keras"
        if not path.is_file():
            return None
        views = models.count_views(self.card.get("tta", "none"))
        try:
            return views * macs(load_keras(path))
        except (ValueError, NotImplementedError):
            return None

    def seconds(self, name: str = "training_seconds") -> float | None:
        """Seconds of training; of folds the sum of all networks."""
        if name in self.metrics:
            return self.metrics[name]
        folds = sorted(self.directory.glob(f"fold*/{CARD}"))
        found = [read_card(x).get("metrics", {}).get(name) for x in folds]
        known = [x for x in found if x is not None]
        return round(sum(known), 1) if known and len(known) == len(found) else None


def read_run(directory: str | pathlib.Path, predict: bool = False) -> ComparedRun:
    """Reads a complete run.

    Args:
        directory: Its folder.
        predict: Whether a run without predictions is tested again, which writes them.

    Raises:
        FileNotFoundError: If it is no complete run, or has no predictions.
        ValueError: If a file is damaged.
    """
    folder = pathlib.Path(directory)
    if not (folder / CARD).is_file():
        raise FileNotFoundError(
            f"{folder} is no folder of a complete run: it has no {CARD}."
        )
    card = read_card(folder / CARD)
    check_fields(card, folder / CARD)
    if not (folder / FILE).is_file():
        if not predict:
            raise FileNotFoundError(
                f"{folder} has no {FILE}, as runs of earlier versions: add --predict, "
                "which tests its model again on the images of the run."
            )
        predict_again(folder, card)
    predictions = read_predictions(folder)
    rows = manifest_rows(folder)
    paths = [path for path, row in rows.items() if row.get("split") == "test"]
    known = len(paths) == len(predictions)
    return ComparedRun(
        folder, card, read_metrics(folder), predictions, paths if known else None
    )
