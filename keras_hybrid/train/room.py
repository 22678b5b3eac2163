"""Room on the disk that a run needs, compared with what is free."""

import math
import pathlib
import shutil

import keras

from keras_hybrid.train.recipe import Recipe

STATES = 3
"""Checkpoints that lie on the disk for a moment: two, and the one being written."""
SLOTS = {"sgd": 1, "adamw": 2, "muon": 2, "schedule_free": 3}
"""Values that an optimizer keeps of each weight."""
PER_VARIABLE = 4096
"""Bytes of a `.keras` file for each variable, beside its values."""


def disk_bytes(model: keras.Model, recipe: Recipe, results: int = 0) -> int:
    """Bytes that the checkpoints, the model and the results take, about.

    Args:
        model: The model.
        recipe: The settings.
        results: Bytes of curves, report and card.
    """
    weights = 4 * sum(math.prod(x.shape) for x in model.variables)
    saved = weights + PER_VARIABLE * len(model.variables)
    best = 2 * weights if recipe.selection.keeps_best else 0  # and one being written
    states = STATES * (1 + _slots(recipe)) * weights
    return states + best + (1 + len(recipe.runtime.export)) * saved + results


def check_room(
    directory: pathlib.Path, model: keras.Model, recipe: Recipe, results: int = 0
) -> None:
    """Refuses a disk that would be full before the end of the run.

    Args:
        directory: The workdir, which exists. What a stopped run left there counts as
            room, since it is replaced.
        model: The model.
        recipe: The settings.
        results: Bytes of curves, report and card.

    Raises:
        ValueError: If the run needs more than is free.
    """
    room = shutil.disk_usage(directory)
    left = sum(x.stat().st_size for x in directory.iterdir() if x.is_file())
    needed = disk_bytes(model, recipe, results) - left
    if room.total and room.free < needed:
        raise ValueError(
            f"{directory} has {_size(room.free)} free, and the checkpoints, model and "
            f"results of this run take about {_size(needed)}: make room, or choose "
            "another --workdir."
        )


def _slots(recipe: Recipe) -> int:
    """Values of each weight in a checkpoint, beside the weight; few are trained."""
    settings, tuning = recipe.optimization, recipe.fine_tuning
    averaged = int(settings.ema_momentum is not None)
    if tuning.freeze != "none" or tuning.lora_rank:
        return averaged
    summed = int(settings.gradient_accumulation_steps > 1)
    return SLOTS[settings.optimizer] + averaged + summed


def _size(count: int) -> str:
    if count < 2**20:
        return f"{math.ceil(count / 2**10):,} KiB"
    return f"{math.ceil(count / 2**20):,} MiB"
