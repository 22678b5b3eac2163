"""Progress of a run, by epochs or by time, and the image size of each epoch."""

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import keras

from keras_hybrid.data import Batches
from keras_hybrid.train.checkpoint import preserve_state
from keras_hybrid.train.recipe import Optimization
from keras_hybrid.train.schedule import ProgressSchedule
from keras_hybrid.utils.typing import Shape, fixed

RESIZING = ((0.5, 0.4), (0.75, 0.75), (1.0, 1.0))
"""Progressive resizing: scale of the images' sides, and the progress up to which."""
SMALLEST_SIDE = 16
"""Progressive resizing makes no image smaller than this."""
MEASURED_STEPS = 5
clock: Callable[[], float] = time.perf_counter
"""Seconds, of which a time budget has a number."""


class Progress(keras.callbacks.Callback):
    """Tells the schedule and the batches how far the run is.

    The progress goes from 0 to 1. An epoch's share of it is its share of the work,
    which grows with the number of pixels; with `minutes` it is its share of the time
    that is left, by the seconds that the epoch before has taken. So the learning rate
    arrives at its end when the time does.

    Training stops whenever the next epoch has images of another size, and at the end.
    `stopped_by_others` says whether an earlier callback had asked for it.

    Args:
        settings: `epochs` or `minutes`, and `progressive_resizing`.
        size: Height and width of the images.
        batches: The training batches.
        schedule: The schedule of the learning rate.
        done: Epochs that are over.
        reached: Progress after them, if `minutes` are given.
        elapsed: Seconds that they took.
    """

    def __init__(
        self,
        settings: Optimization,
        size: Shape,
        batches: Batches,
        schedule: ProgressSchedule,
        done: int = 0,
        reached: float = 0.0,
        elapsed: float = 0.0,
    ):
        super().__init__()
        self.batches = batches
        self.schedule = schedule
        self.epoch = done
        self.scales = _scales(size) if settings.progressive_resizing else ((1.0, 1.0),)
        self.size = size
        self.seconds = settings.budget
        self.reached = reached
        self._works: list[float] = []
        if not self.seconds:
            self._works = _epochs(settings.epochs, self.scales)
            self.reached = self.at(done, 0.0)
        self._share = 0.0
        self.stopped_by_others = False
        self._step_seconds: dict[float, float] = {}
        self._began = clock() - elapsed
        self._epoch_began = 0.0
        batches.progress = self.at

    def at(self, epoch: int, share: float) -> float:
        """Progress after `share` of an epoch; a guess if that has yet to be timed."""
        if self.seconds:
            epochs = epoch - self.epoch + share
            return min(self.reached + epochs * self._share, 1.0)
        over = sum(self._works[:epoch]) + share * sum(self._works[epoch : epoch + 1])
        return over / sum(self._works)

    @property
    def elapsed(self) -> float:
        """Seconds since the run began, those before a stop included."""
        return clock() - self._began

    @property
    def finished(self) -> bool:
        """Whether no epoch is left."""
        if self.seconds:
            return self.reached >= 1
        return self.epoch >= len(self._works)

    @property
    def measured(self) -> bool:
        """Whether the time of a step is known."""
        return bool(self._step_seconds)

    @property
    def scale(self) -> float:
        """Scale of the sides of the next epoch's images."""
        if not self.seconds:
            return self._works[self.epoch] ** 0.5
        return next(scale for scale, end in self.scales if self.reached < end)

    @property
    def train_size(self) -> Shape:
        """Height and width of the next epoch's images."""
        return scaled(self.size, self.scale)

    def plan(self, step_seconds: float, scale: float | None = None) -> None:
        """Plans with a step of this length; says what fits in the time.

        Args:
            step_seconds: Seconds of a step.
            scale: Scale of its images' sides; None means that of the next epoch.

        A run that is resumed with less than half an epoch's time left is finished.

        Raises:
            ValueError: If the first epoch takes longer than all the time.
        """
        self._step_seconds[scale or self.scale] = step_seconds
        self._share = self._next_share()
        if not self.seconds:
            return
        left = self.seconds - self.elapsed
        epoch = self._epoch_seconds(self.scale)
        if self.epoch and epoch > 2 * left:
            self.reached = 1.0
            return
        if not self.epoch and epoch > left:
            needed = math.ceil((self.elapsed + 4 * epoch) / 6) / 10
            raise ValueError(
                f"An epoch takes about {epoch:.1f} seconds, and {max(left, 0):.1f} of "
                f"--minutes are left: give --minutes {needed:g} or more, or fewer "
                "images."
            )
        print(f"About {self.epochs_left()} epochs fit in {left / 60:.1f} minutes.")

    def seconds_left(self) -> float:
        """Seconds of the epochs that are left, after `plan`, without validation."""
        if self.seconds:
            return max(self.seconds - self.elapsed, 0.0)
        return sum(self._works[self.epoch :]) * self._epoch_seconds(1.0)

    def epochs_left(self) -> int:
        """Epochs that are left: known, or by the time that they take."""
        if not self.seconds:
            return len(self._works) - self.epoch
        left, reached, count = max(self.seconds - self.elapsed, 0.0), self.reached, 0.0
        for scale, end in self.scales:
            if reached < end:
                time_here = left * (end - reached) / (1 - self.reached)
                count += time_here / self._epoch_seconds(scale)
                reached = end
        return max(round(count), 1)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._share = self._next_share()
        slope = self._share / self.batches.steps_per_epoch
        step = epoch * self.batches.steps_per_epoch
        self.schedule.set_progress(step, self.reached, slope)
        self._epoch_began = clock()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        scale = self.scale
        took = clock() - self._epoch_began
        self._step_seconds[scale] = took / self.batches.steps_per_epoch
        self.reached = self.at(self.epoch + 1, 0.0)
        self.epoch += 1
        if self.reached > 1 - 1e-6:
            self.reached = 1.0
        self.stopped_by_others = self.model.stop_training
        if self.finished or self.scale != scale:
            self.model.stop_training = True

    def _next_share(self) -> float:
        if not self.seconds:
            return self._works[self.epoch] / sum(self._works)
        rest = 1 - self.reached
        left = max(self.seconds - self.elapsed, 0.0)
        epochs = left / self._epoch_seconds(self.scale)
        if self.scale == self.scales[-1][0]:
            return rest / max(round(epochs), 1)
        return rest / max(epochs, 1.0)

    def _epoch_seconds(self, scale: float) -> float:
        """Seconds of an epoch with images of this scale, from the nearest measured."""
        known = min(self._step_seconds, key=lambda other: abs(other - scale))
        seconds = self._step_seconds[known] * self.batches.steps_per_epoch
        return seconds * (scale / known) ** 2


def step_seconds(model: keras.Model, batches: Batches) -> float:
    """The time of a training step, of a few that are undone."""
    with preserve_state(model):
        seconds = []
        for step in range(MEASURED_STEPS):
            images, labels = batches[step % batches.steps_per_epoch]
            began = clock()
            model.train_on_batch(images, labels)
            seconds.append(clock() - began)
    return statistics.median(seconds[2:])  # the first ones compile


def progressive_sizes(size: Shape) -> list[Shape]:
    """Heights and widths that progressive resizing gives images of `size`."""
    return [scaled(size, scale) for scale, _ in _scales(size)]


def scaled(size: Shape, scale: float) -> Shape:
    """Height and width times a factor, rounded."""
    height, width = fixed(size)
    return round(scale * height), round(scale * width)


def _scales(size: Shape) -> tuple[tuple[float, float], ...]:
    """`RESIZING` without scales that make images too small."""
    side = min(fixed(size))
    return tuple(
        (scale, end)
        for scale, end in RESIZING
        if scale * side >= SMALLEST_SIDE or scale == 1
    )


def _epochs(count: int, scales: tuple[tuple[float, float], ...]) -> list[float]:
    """Pixels of each of `count` epochs' images, as a share of the full size's.

    Every scale gets epochs such that its share of all pixels is what `scales` says.
    """
    starts = [0.0, *(end for _, end in scales)]
    raw = [
        (end - start) / scale**2
        for start, (scale, end) in zip(starts, scales, strict=False)
    ]
    works: list[float] = []
    over = 0.0
    for (scale, _), epochs in zip(scales, raw, strict=True):
        over += epochs / sum(raw) * count
        works += [scale**2] * (round(over) - len(works))
    works[-1] = 1.0  # the last epoch sees the full size
    return works
