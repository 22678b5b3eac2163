"""The learning rate range test: the loss while the learning rate grows (Smith 2015)."""

import dataclasses
import math
import pathlib
from typing import TYPE_CHECKING

import numpy as np

from keras_hybrid.train.first_steps import FirstSteps, first_steps
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.workdir import check_workdir
from keras_hybrid.utils.csv_rows import write_csv
from keras_hybrid.utils.figures import blank_figure
from keras_hybrid.utils.files import write_atomically
from keras_hybrid.utils.fonts import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOW, HIGH = 1e-6, 10.0
"""First and last learning rate."""
STEPS = 120
"""Steps from the first to the last."""
SMOOTHING = 0.9
"""Momentum of the moving average of the loss."""
FEWEST = 10
"""Steps before an average is trusted."""
DIVERGED = 4.0
"""The test ends where the average is so many times its smallest value."""
TABLE, PLOT = "learning_rates.csv", "learning_rates.png"


@dataclasses.dataclass(frozen=True)
class RangeTest:
    """The loss at growing learning rates.

    Attributes:
        rates: The learning rate of each step.
        losses: The loss of each step's batch, before the step.
        smoothed: Its moving average.
        suggested: The rate at which the average falls fastest; None if it never falls.
        directory: Where the table and the plot are.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggested: float | None
    directory: pathlib.Path

    def text(self) -> str:
        """The result in lines."""
        if self.suggested is None:
            said = "The loss fell at no learning rate: --learning-rate stays a guess."
        else:
            lowest = self.rates[self.smoothed.argmin()]
            said = (
                f"--learning-rate {self.suggested:.2g}: the loss falls fastest there, "
                f"and is lowest at {lowest:.2g}."
            )
        return f"{said}\nWritten to {self.directory}: {TABLE}, {PLOT}"


def find_lr(recipe: Recipe) -> RangeTest:
    """A learning rate range test with the network, images and batches of a recipe.

    The learning rate grows by the same factor every step, from `LOW` until the loss
    diverges, or to `HIGH`. A folder beside the workdir, `WORKDIR-find-lr`, gets a table
    and a plot. The run itself is not touched.

    Args:
        recipe: The settings, of one network; its own learning rate has no effect.

    Returns:
        The losses, and the rate to try.

    Raises:
        ValueError: As `dry_run`, or if the folder holds other files.
        ImportError: If a package is missing.

    Example:
        >>> found = find_lr(Recipe.of(dataset="digits", model="atc3"))
        >>> recipe = recipe.replace(learning_rate=found.suggested)
    """
    run = recipe.directory
    directory = run.with_name(f"{run.name}-find-lr")
    check_workdir(directory, TABLE, "range test")
    with first_steps(
        recipe, directory, "--find-lr", lambda *_: None, learning_rate=LOW
    ) as steps:
        rates, losses = _ramp(steps)
        found = RangeTest(
            rates, losses, smooth(losses), suggest(rates, losses), directory
        )
        _write(found)
    return found


def _ramp(steps: FirstSteps) -> tuple[np.ndarray, np.ndarray]:
    """Takes steps until the loss diverges; the rates and the losses."""
    rates = np.geomspace(LOW, HIGH, STEPS)
    losses: list[float] = []
    for step, rate in enumerate(rates):
        steps.model.optimizer.learning_rate = float(rate)
        steps.model.reset_metrics()
        images, labels = steps.batches[step]
        logs = steps.model.train_on_batch(images, labels, return_dict=True)
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            break
        losses.append(loss)
        average = smooth(np.array(losses))
        if step > FEWEST and average[-1] > DIVERGED * average.min():
            break
    if len(losses) <= FEWEST:
        raise ValueError(
            f"The loss became NaN or infinite in step {len(losses) + 1}, at a learning "
            f"rate of {rates[len(losses)]:.1g}: try --precision float32."
        )
    return rates[: len(losses)], np.array(losses)


def smooth(losses: np.ndarray) -> np.ndarray:
    """The moving average of losses, without the bias of its start."""
    average, found = 0.0, []
    for step, loss in enumerate(losses, 1):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        found.append(average / (1 - SMOOTHING**step))
    return np.array(found)


def suggest(rates: np.ndarray, losses: np.ndarray) -> float | None:
    """The learning rate at which the smoothed loss falls fastest.

    Args:
        rates: Growing learning rates.
        losses: The loss at each.

    Returns:
        None if the smoothed loss is lowest before it can be trusted. It is none of the
        last `FEWEST` steps before the lowest loss: there few later losses are averaged.
    """
    lowest = int(smooth(losses).argmin())
    if lowest <= 2 * FEWEST:
        return None
    falling = losses[: lowest + 1]
    # forwards and backwards: an average of the past alone falls too late
    average = smooth(falling) + smooth(falling[::-1])[::-1]
    slope = np.gradient(average, np.log(rates[: lowest + 1]))
    return float(rates[FEWEST + slope[FEWEST:-FEWEST].argmin()])


def _write(found: RangeTest) -> None:
    columns = found.rates, found.losses, found.smoothed
    names = "learning_rate", "loss", "smoothed_loss"
    rows = [
        dict(zip(names, map(float, row), strict=True))
        for row in zip(*columns, strict=True)
    ]
    figure = _figure(found)
    plot = found.directory / PLOT
    write_csv(rows, found.directory / TABLE)
    write_atomically(plot, lambda part: save_figure(figure, part, dpi=150))


def _figure(found: RangeTest) -> "Figure":
    figure = blank_figure(6, 3.6)
    axes = figure.subplots()
    axes.plot(found.rates, found.losses, ".", color="lightgray", label="loss")
    axes.plot(found.rates, found.smoothed, label="moving average")
    if found.suggested is not None:
        axes.axvline(found.suggested, ls="--", color="gray", label="falls fastest")
    low, high = found.smoothed.min(), found.smoothed[0]
    room = max(high - low, 1e-3)
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
    axes.set_ylim(low - 0.2 * room, high + room)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure
