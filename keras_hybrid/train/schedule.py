"""The learning rate over a run: curves over the share of the run that is over."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_hybrid.utils.typing import Tensor

CONSTANT_SHARE = 0.8
"""Share of the run, warm-up included, in which `wsd` does not fall."""


def _cosine(share: Tensor) -> Tensor:
    return 0.5 * (1 + ops.cos(math.pi * share))


def _linear(share: Tensor) -> Tensor:
    return 1 - share


def _constant(share: Tensor) -> Tensor:
    return ops.ones_like(share)


def _wsd(share: Tensor) -> Tensor:
    return ops.minimum((1 - share) / (1 - CONSTANT_SHARE), 1.0)


CURVES: dict[str, Callable[[Tensor], Tensor]] = {
    "cosine": _cosine,
    "linear": _linear,
    "wsd": _wsd,
    "constant": _constant,
}
"""Share of the time after the warm-up -> share of the way from final to peak."""


@keras.saving.register_keras_serializable("keras_hybrid")
class ProgressSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up from `peak / 100`, then a curve from `peak` down to `final`.

    The rate is a function of the progress, the share of the run that is over. Progress
    grows by `slope` per step, from `start` at step `origin`. The three are variables,
    since a time budget corrects them after every epoch; an optimizer with this schedule
    must track `variables`.

    Args:
        peak: Learning rate after the warm-up.
        final: Learning rate at the end.
        warmup: Share of the run that is warm-up, in [0, 1).
        total_steps: Steps of the whole run.
        curve: `"cosine"`; `"linear"`; `"wsd"`, warm-up, stable, decay: constant up to
            `CONSTANT_SHARE` of the run, then linear; or `"constant"`.
    """

    def __init__(
        self,
        peak: float,
        final: float,
        warmup: float,
        total_steps: int,
        curve: str = "cosine",
    ):
        self.peak, self.final, self.warmup = peak, final, warmup
        self.total_steps, self.curve = total_steps, curve
        options = {"trainable": False, "dtype": "float32"}
        self.origin = keras.Variable(0.0, name="origin", **options)
        self.start = keras.Variable(0.0, name="start", **options)
        self.slope = keras.Variable(1 / max(total_steps, 1), name="slope", **options)

    @property
    def variables(self) -> list[keras.Variable]:
        """What a checkpoint must hold."""
        return [self.origin, self.start, self.slope]

    def set_progress(self, step: int, start: float, slope: float) -> None:
        """From `step` on, progress is `start + slope * (steps since then)`."""
        self.origin.assign(float(step))
        self.start.assign(start)
        self.slope.assign(slope)

    def __call__(self, step: Tensor) -> Tensor:
        steps = ops.cast(step, "float32") - ops.convert_to_tensor(self.origin)
        progress = ops.convert_to_tensor(self.start) + steps * self.slope
        progress = ops.clip(progress, 0.0, 1.0)
        after = ops.maximum(progress - self.warmup, 0.0) / (1 - self.warmup)
        rate = self.final + (self.peak - self.final) * CURVES[self.curve](after)
        if not self.warmup:
            return rate
        rising = self.peak * (0.01 + 0.99 * progress / self.warmup)
        return ops.where(progress < self.warmup, rising, rate)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "final": self.final,
            "warmup": self.warmup,
            "total_steps": self.total_steps,
            "curve": self.curve,
        }
