"""What happens at the edges of an epoch."""

import json
import math
import pathlib
import statistics
import time

import keras

from keras_hybrid.data import Batches
from keras_hybrid.train.checkpoint import save_state
from keras_hybrid.train.sync_replicas import seed_generators
from keras_hybrid.utils.files import explain_full_disk, write_atomically
from keras_hybrid.utils.memory import device_peak, host_peak


class MetricsLogger(keras.callbacks.Callback):
    """Writes `metrics.jsonl` and the checkpoint at the end of every epoch.

    It also gives every random generator of the model a state that depends on
    `(seed, epoch)` alone, so that a resumed run draws what an unbroken one would.

    Args:
        directory: The workdir.
        batches: The stream of training batches, for its timing.
        seed: Seed of the run.
        writes: Whether this process writes the files.
    """

    def __init__(
        self, directory: pathlib.Path, batches: Batches, seed: int, writes: bool = True
    ):
        super().__init__()
        self.directory = directory
        self.batches = batches
        self.seed = seed
        self.writes = writes
        self.diverged_in = None

    def on_epoch_begin(self, epoch, logs=None):
        seed_generators(self.model, self.seed, epoch)
        self._began = time.perf_counter()
        self._data_began = self.batches.seconds
        self._trained = None

    def on_test_begin(self, logs=None):
        self._trained = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        trained = self._trained or time.perf_counter()
        seconds = trained - self._began
        numbers = {name: float(value) for name, value in logs.items()}
        if not math.isfinite(numbers["loss"]):
            self.diverged_in = epoch + 1
            self.model.stop_training = True
        if self.diverged_in or not self.writes:
            return
        images = self.batches.steps_per_epoch * self.batches.batch_size
        numbers |= {
            "learning_rate": float(self.model.optimizer.learning_rate),
            "seconds": seconds,
            "images_per_second": images / seconds,
            "data_seconds": self.batches.seconds - self._data_began,
            "peak_memory_gib": host_peak() / 2**30,
        }
        if device := device_peak():
            numbers["device_memory_gib"] = device / 2**30
        rounded = {name: float(f"{value:.6g}") for name, value in numbers.items()}
        journal = self.directory / "metrics.jsonl"
        with explain_full_disk(journal), open(journal, "a") as file:
            file.write(json.dumps({"epoch": epoch + 1} | rounded) + "\n")
        save_state(self.directory / "checkpoint.npz", self.model, epoch + 1)


def read_metrics(directory: pathlib.Path) -> list[dict]:
    """The epochs that `metrics.jsonl` holds, one dict each."""
    path = directory / "metrics.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def summary(epochs: list[dict]) -> dict[str, float]:
    """What a run took and where it ended, of the epochs in its journal.

    The speed is the epochs' median; the accuracy that of the images held out.
    """
    last = epochs[-1]
    held_out = (
        {"validation_accuracy": last["val_accuracy"]} if "val_accuracy" in last else {}
    )
    peaks = {
        name: max(epoch[name] for epoch in epochs if name in epoch)
        for name in ("peak_memory_gib", "device_memory_gib")
        if any(name in epoch for epoch in epochs)  # some may have had no GPU
    }
    return {
        "epochs": len(epochs),
        "training_seconds": round(sum(epoch["seconds"] for epoch in epochs), 1),
        "images_per_second": statistics.median(x["images_per_second"] for x in epochs),
        **held_out,
        **peaks,
    }


def truncate_metrics(directory: pathlib.Path, epochs: int) -> None:
    """Keeps the first `epochs` epochs, those that the checkpoint has seen.

    A line that a kill left half written is beyond them and goes with the rest.
    """
    path = directory / "metrics.jsonl"
    if path.exists():
        kept = path.read_text().splitlines()[:epochs]
        text = "".join(line + "\n" for line in kept)
        write_atomically(path, lambda part: part.write_text(text))
