"""The callback that logs metrics and saves the checkpoint after every epoch."""

import json
import math
import pathlib
import statistics
import time
from typing import Any

import keras

from keras_hybrid.data import Batches
from keras_hybrid.train.checkpoint import FILE, save_state
from keras_hybrid.train.class_metrics import CLASS_METRICS
from keras_hybrid.train.progress import Progress
from keras_hybrid.train.sync_replicas import seed_generators
from keras_hybrid.utils.files import explain_full_disk, write_atomically
from keras_hybrid.utils.guard import parse_json
from keras_hybrid.utils.memory import device_peak, host_peak

LOG = "metrics.jsonl"
"""Name of the file in the workdir."""
NAMES = (
    *("epoch", "loss", "accuracy", *CLASS_METRICS),
    *("learning_rate", "seconds", "cpu_seconds", "images_per_second"),
    *("elapsed_seconds", "progress", "data_seconds"),
    *("peak_memory_gib", "device_memory_gib"),
)
"""Names that `metrics.jsonl` may have; those of validation begin with `val_`."""


class MetricsLogger(keras.callbacks.Callback):
    """Writes `metrics.jsonl` and the checkpoint at the end of every epoch.

    It also gives every random generator of the model a state that depends on
    `(seed, epoch)` alone, so that a resumed run draws what an unbroken one would.

    Args:
        directory: The workdir.
        batches: The stream of training batches, for its timing.
        progress: How far the run is; called before this callback.
        seed: Seed of the run.
        writes: Whether this process writes the files.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        batches: Batches,
        progress: Progress,
        seed: int,
        writes: bool = True,
    ):
        super().__init__()
        self.directory = directory
        self.batches = batches
        self.progress = progress
        self.seed = seed
        self.writes = writes
        self.diverged_in: int | None = None
        self._began = self._data_began = 0.0
        self._cpu_began = 0.0
        self._trained: tuple[float, float] | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        seed_generators(self.model, self.seed, epoch)
        self._began, self._cpu_began = time.perf_counter(), time.process_time()
        self._data_began = self.batches.seconds
        self._trained = None

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._trained = time.perf_counter(), time.process_time()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.perf_counter(), time.process_time()
        trained, cpu_trained = self._trained or now
        seconds = trained - self._began
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        if not math.isfinite(numbers["loss"]):
            self.diverged_in = epoch + 1
            self.model.stop_training = True
        if self.diverged_in or not self.writes:
            return
        images = self.batches.steps_per_epoch * self.batches.batch_size
        numbers |= {
            "learning_rate": float(self.model.optimizer.learning_rate),
            "seconds": seconds,
            "cpu_seconds": cpu_trained - self._cpu_began,
            "images_per_second": images / seconds,
            "elapsed_seconds": self.progress.elapsed,
            "progress": self.progress.reached,
            "data_seconds": self.batches.seconds - self._data_began,
            "peak_memory_gib": host_peak() / 2**30,
        }
        if device := device_peak():
            numbers["device_memory_gib"] = device / 2**30
        rounded = {name: float(f"{value:.6g}") for name, value in numbers.items()}
        path = self.directory / LOG
        with explain_full_disk(path), open(path, "a") as file:
            file.write(json.dumps({"epoch": epoch + 1} | rounded) + "\n")
        save_state(self.directory / FILE, self.model, epoch + 1)


def read_metrics(directory: pathlib.Path) -> list[dict[str, Any]]:
    """The epochs that `metrics.jsonl` holds, one dict each, up to a damaged line."""
    path = directory / LOG
    epochs: list[dict[str, Any]] = []
    if not path.exists():
        return epochs
    for line in path.read_bytes().splitlines():
        try:
            epoch = parse_json(line, str(path))
        except ValueError:
            break
        if not _is_epoch(epoch, len(epochs) + 1):
            break
        epochs.append(epoch)
    return epochs


def _is_epoch(line: Any, number: int) -> bool:
    """Whether a line is the log of this epoch."""
    return (
        isinstance(line, dict)
        and line.get("epoch") == number
        and all(isinstance(value, int | float) for value in line.values())
        and {"loss", "seconds", "images_per_second"} <= line.keys()
    )


def summary(epochs: list[dict[str, Any]], kept: int) -> dict[str, float]:
    """Time, speed, memory and validation metrics of a run, from `read_metrics`.

    The speed is the median over the epochs. The metrics are those of the epoch `kept`,
    counted from 1.
    """
    held_out = {
        name.replace("val_", "validation_", 1): value
        for name, value in epochs[kept - 1].items()
        if name.startswith("val_")
    }
    if kept < len(epochs):
        held_out["kept_epoch"] = kept
    peaks = {
        name: max(epoch[name] for epoch in epochs if name in epoch)
        for name in ("peak_memory_gib", "device_memory_gib")
        if any(
            name in epoch for epoch in epochs
        )  # the device may have changed between epochs
    }
    return {
        "epochs": len(epochs),
        "training_seconds": round(sum(epoch["seconds"] for epoch in epochs), 1),
        "training_cpu_seconds": round(sum(x.get("cpu_seconds", 0) for x in epochs), 1),
        "images_per_second": statistics.median(x["images_per_second"] for x in epochs),
        **held_out,
        **peaks,
    }


def progress_so_far(directory: pathlib.Path, epochs: int) -> dict[str, float]:
    """The progress after so many epochs, and the seconds they took, as logged."""
    if not epochs:
        return {"reached": 0.0, "elapsed": 0.0}
    last = read_metrics(directory)[epochs - 1]
    if not {"progress", "elapsed_seconds"} <= last.keys():
        raise ValueError(
            f"{directory} holds a run of an older version, which cannot go on: "
            "--overwrite repeats it."
        )
    return {"reached": last["progress"], "elapsed": last["elapsed_seconds"]}


def truncate_metrics(directory: pathlib.Path, epochs: int) -> None:
    """Keeps the first `epochs` epochs, those that the checkpoint has seen.

    A line left half written by a killed run comes after them and is dropped, too.
    """
    path = directory / LOG
    if path.exists():
        kept = path.read_bytes().splitlines()[:epochs]
        content = b"".join(line + b"\n" for line in kept)
        write_atomically(path, lambda part: part.write_bytes(content))
