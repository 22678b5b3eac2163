"""What a run returns."""

import dataclasses
import pathlib
from typing import Any

import keras

FILES = (
    *("model.keras", "report.html", "curves.png", "metrics.jsonl"),
    *("test_predictions.npz", "manifest.csv", "recipe.json", "card.json"),
)
"""Names of the files of a run; `manifest.csv` is of a folder of images."""


@dataclasses.dataclass(frozen=True)
class RunResult:
    """A complete run.

    Attributes:
        directory: Its folder.
        card: What `card.json` says: settings, metrics, classes, preprocessing.
    """

    directory: pathlib.Path
    card: dict[str, Any]

    @property
    def metrics(self) -> dict[str, float]:
        """Test and validation metrics, time, speed and memory."""
        return self.card["metrics"]

    @property
    def model_file(self) -> pathlib.Path:
        """The .keras file; `keras_hybrid.load(result.directory)` classifies with it."""
        return self.directory / "model.keras"

    def load(self) -> keras.Model:
        """The trained model: pixels to probabilities, not compiled."""
        return keras.models.load_model(self.model_file, compile=False)
