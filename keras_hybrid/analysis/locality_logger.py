"""Logging during training what attention does."""

import csv
import pathlib
import time

import keras
import numpy as np

from keras_hybrid.analysis.attention_maps import AttentionProbe
from keras_hybrid.analysis.gates import attention_centres, gates
from keras_hybrid.analysis.locality import d_loc_of
from keras_hybrid.layers import GatedPositionalAttention

FIELDS = ("epoch", "layer", "head", "d_loc", "gate", "strength", "distance")


class LocalityLogger(keras.callbacks.Callback):
    """Writes a CSV with D_loc of every head, and of GPSA heads gate and centre.

    A line a head, before training (epoch 0) and after every epoch. A run that goes on
    after some epochs keeps their lines, and loses later ones.

    Args:
        path: The CSV file.
        images: `(B, H, W, C)` to look at, e.g. 64 of the validation images.
        every: Epochs between two looks.
        network: The functional model to look into, where the one that is trained
            wraps it; None means the trained one.

    Attributes:
        seconds: What each look took.

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
        former = read_log(self.path) if epoch else []
        kept = [row for row in former if row["epoch"] <= epoch]
        with open(self.path, "w", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(kept)
        if epoch == 0:
            self._look(0, self._probe)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self._probe is not None and (epoch + 1) % self.every == 0:
            self._look(epoch + 1, self._probe)

    def on_train_end(self, logs: dict | None = None) -> None:
        self._probe = None

    def _look(self, epoch: int, probe: AttentionProbe) -> None:
        began = time.perf_counter()
        rows = locality_rows(self.network or self.model, d_loc_of(probe, self.images))
        with open(self.path, "a", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            writer.writerows({"epoch": epoch} | row for row in rows)
        self.seconds.append(time.perf_counter() - began)


def locality_rows(model: keras.Model, reach: dict[str, np.ndarray]) -> list[dict]:
    """One row a head: `FIELDS` without the epoch, numbers to six digits.

    Args:
        model: The model.
        reach: What `d_loc` gave of it.
    """
    gated = any(isinstance(x, GatedPositionalAttention) for x in model.layers)
    open_gates = gates(model) if gated else {}
    centres = attention_centres(model) if gated else {}
    rows = []
    for layer, values in reach.items():
        for head, value in enumerate(values):
            row = {"layer": layer, "head": head, "d_loc": _round(value)}
            if layer in open_gates:
                row["gate"] = _round(open_gates[layer][head])
                row["strength"] = _round(centres[layer].strength[head])
                row["distance"] = _round(centres[layer].distance[head])
            rows.append(row)
    return rows


def read_log(path: str | pathlib.Path) -> list[dict]:
    """The lines of a `LocalityLogger`; what a layer does not have is None."""
    path = pathlib.Path(path)
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return [
            {key: _value(key, text) for key, text in row.items()}
            for row in csv.DictReader(file)
            if None not in row.values()  # a line that a kill left half written
        ]


def _value(key: str, text: str) -> str | int | float | None:
    if key == "layer":
        return text
    if not text:
        return None
    return int(text) if key in ("epoch", "head") else float(text)


def _round(value: float) -> float:
    return float(f"{value:.6g}")
