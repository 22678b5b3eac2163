"""The callback that keeps the weights that are best on the validation images."""

import math
import pathlib
from collections.abc import Callable
from typing import Any

import keras

from keras_hybrid.train.checkpoint import (
    read_facts,
    restore_variables,
    save_variables,
)
from keras_hybrid.train.recipe_groups import Selection

FILE = "best.npz"


class KeepBest(keras.callbacks.Callback):
    """Saves the network's weights whenever a validation metric improves.

    With a moving average of the weights it sees, and keeps, the average: so it must
    come before `SwapEMAWeights`, which swaps back when validation is over.

    Args:
        settings: The metric and the patience.
        directory: The workdir. A run that continues finds its best weights there.
        network: The network, whose weights are kept.
        score: From the metric and its value to a number, higher where it is better.
        done: Epochs that are over.
        writes: Whether this process writes the file.
    """

    def __init__(
        self,
        settings: Selection,
        directory: pathlib.Path,
        network: keras.Model,
        score: Callable[[str, float], float],
        done: int = 0,
        writes: bool = True,
    ):
        super().__init__()
        self.metric = settings.keep_best
        self.patience = settings.patience
        self.path = directory / FILE
        self.network = network
        self.score = score
        self.writes = writes
        self.done = done
        self.epoch, self.best = 0, -math.inf
        if self.path.exists():
            self.epoch, self.best = _read(self.path)

    @property
    def out_of_patience(self) -> bool:
        """Whether the last `patience` epochs brought no improvement."""
        return self.patience is not None and self.done - self.epoch >= self.patience

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.done = epoch

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        value = self.score(self.metric, float((logs or {})[self.metric]))
        if not value > self.best:
            return
        self.epoch, self.best = self.done + 1, value
        if self.writes:
            variables = self.network.variables
            save_variables(self.path, variables, epoch=self.epoch, best=value)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.done = epoch + 1
        if self.out_of_patience:
            self.model.stop_training = True

    def restore(self) -> None:
        """Puts the best weights into the network."""
        if self.writes and self.path.exists():
            restore_variables(self.path, self.network.variables)


def _read(path: pathlib.Path) -> tuple[int, float]:
    """The epoch and the metric of the weights in a file.

    Raises:
        ValueError: If it is damaged.
    """
    try:
        facts = read_facts(path)
        return int(facts["epoch"]), facts["best"]
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"{path}, the best weights so far, is damaged ({error}). Delete it to keep "
            "the best of the epochs to come, or repeat the run with --overwrite."
        ) from error
