"""A callback that logs attention distance and gates during training."""

import csv
import pathlib
import time

import keras
import numpy as np

from keras_hybrid.analysis.attention_probe import AttentionProbe
from keras_hybrid.analysis.gates import attention_centers, gates
from keras_hybrid.analysis.locality import d_loc_from_maps
from keras_hybrid.layers import GatedPositionalAttention
from keras_hybrid.utils.csv_rows import write_csv

FIELDS = ("epoch", "layer", "head", "d_loc", "gate", "strength", "distance")


class LocalityLogger(keras.callbacks.Callback):
    """Logs D_loc of every head, and gate and center of every GPSA head, as CSV.

    The file has one line per head and epoch, with epoch 0 before training. A resumed
    run keeps the lines of the epochs before it and drops later lines.

    Args:
        path: The CSV file.
        images: `(B, H, W, C)` to measure on, e.g. 64 validation images.
        every: Number of epochs between two measurements.
        network: The functional model to measure, if the trained model wraps it; None
            means the trained model.

    Attributes:
        seconds: Duration of each measurement.

    Example:
        >>> model.fit(images, labels, callbacks=[LocalityLogger("locality.csv", few)])
    """

    def __init__(
        self,
        path: str | pathlib.Path,
        images: np.ndarray,
        every: int = 1,
        network: keras.Model | None = None,
    ):
        super().__init__()
        self.path = pathlib.Path(path)
        self.images = images
        self.every = every
        self.network = network
        self.seconds: list[float] = []
        self._probe: AttentionProbe | None = None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self._probe is not None:
            return
        self._probe = AttentionProbe(self.network or self.model)
        earlier = read_log(self.path) if epoch else []
        kept = [row for row in earlier if row["epoch"] <= epoch]
        write_csv(kept, self.path, FIELDS)
        if epoch == 0:
            self._measure(0, self._probe)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self._probe is not None and (epoch + 1) % self.every == 0:
            self._measure(epoch + 1, self._probe)

    def on_train_end(self, logs: dict | None = None) -> None:
        self._probe = None

    def _measure(self, epoch: int, probe: AttentionProbe) -> None:
        began = time.perf_counter()
        rows = locality_rows(
            self.network or self.model, d_loc_from_maps(probe, self.images)
        )
        with open(self.path, "a", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            writer.writerows({"epoch": epoch} | row for row in rows)
        self.seconds.append(time.perf_counter() - began)


def locality_rows(model: keras.Model, values: dict[str, np.ndarray]) -> list[dict]:
    """One row per head: `FIELDS` without the epoch, numbers with six digits.

    Args:
        model: The model.
        values: What `d_loc` returned for the model.
    """
    gated = any(isinstance(x, GatedPositionalAttention) for x in model.layers)
    gate_values = gates(model) if gated else {}
    centers = attention_centers(model) if gated else {}
    rows = []
    for layer, heads in values.items():
        for head, value in enumerate(heads):
            row = {"layer": layer, "head": head, "d_loc": _round(value)}
            if layer in gate_values:
                row["gate"] = _round(gate_values[layer][head])
                row["strength"] = _round(centers[layer].strength[head])
                row["distance"] = _round(centers[layer].distance[head])
            rows.append(row)
    return rows


def read_log(path: str | pathlib.Path) -> list[dict]:
    """Reads the CSV file of a `LocalityLogger`.

    Args:
        path: The file; a missing file has no lines.

    Returns:
        One mapping per line. Columns that a layer does not have are None.
    """
    path = pathlib.Path(path)
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return [
            {key: _value(key, text) for key, text in row.items()}
            for row in csv.DictReader(file)
            if None not in row.values()  # an incomplete last line of a killed run
        ]


def _value(key: str, text: str) -> str | int | float | None:
    if key == "layer":
        return text
    if not text:
        return None
    return int(text) if key in ("epoch", "head") else float(text)


def _round(value: float) -> float:
    return float(f"{value:.6g}")
