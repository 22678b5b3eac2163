"""The child process of a speed trial: times training steps on its backend.

Its argument is a JSON object, see `trials.Job`; it prints a JSON object per precision.
"""

import dataclasses
import json
import math
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_hybrid.data import Batches, Dataset, Split
from keras_hybrid.data.targets import get_targets
from keras_hybrid.train.augmented import Augmented
from keras_hybrid.train.compiled import (
    compile_network,
    make_batches,
    make_schedule,
    resize,
    step_forms,
)
from keras_hybrid.train.freeze import frozen
from keras_hybrid.train.lora import lora
from keras_hybrid.train.prepare import build
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.tasks import get_task
from keras_hybrid.train.train_size import train_size

ROUNDS = 3
"""Timed calls of `fit`, of which the fastest counts."""
ROUND_SECONDS = 1.0
"""About how long each takes; it has one step at least."""
clock: Callable[[], float] = time.perf_counter


@dataclasses.dataclass(frozen=True)
class Job:
    """What a child is asked for.

    Attributes:
        recipe: `Recipe.as_dict` of the run.
        precisions: What to time, in this order.
        image_shape: Height, width and channels of the images.
        image_type: Their dtype.
        outputs: Number of classes, or of other outputs.
        images: Images of the whole run, each as often as it is trained on.
        enough: Seconds of a run that is worth more than the first precision.
        seconds: After so many seconds the child ends, if nobody has ended it before.
    """

    recipe: dict[str, Any]
    precisions: tuple[str, ...]
    image_shape: tuple[int, ...]
    image_type: str
    outputs: int
    images: float
    enough: float
    seconds: int


def run_job(job: Job) -> None:
    """Times the steps, and prints a line for each precision as soon as it is known."""
    recipe = Recipe.from_settings(job.recipe)
    for precision in job.precisions:
        keras.utils.set_random_seed(recipe.optimization.seed)
        speed, finite = time_training(recipe.replace(precision=precision), job)
        row = {"precision": precision, "images_per_second": speed, "finite": finite}
        print(json.dumps(row), flush=True)
        keras.backend.clear_session()
        if job.images < job.enough * speed:
            break


def time_training(recipe: Recipe, job: Job) -> tuple[float, bool]:
    """Images per second of training, and whether the loss stayed finite."""
    dataset = _imagined(recipe, job)
    network = get_task(recipe.data.task).trained(build(recipe, dataset))
    tuning, settings = recipe.fine_tuning, recipe.optimization
    with (
        frozen(network, tuning.freeze),
        lora(network, tuning.lora_rank),
        step_forms(settings),
    ):
        batches = make_batches(recipe, dataset.train, network.output_shape[-1])
        schedule = make_schedule(recipe, batches.steps_per_epoch)
        model = compile_network(recipe, network, batches, schedule)
        resize(model, train_size(settings, network))
        least = settings.steps_per_execution
        _fit(model, batches, 2 * least)  # compiles
        seconds, loss = _fit(model, batches, least)
        steps = least * max(round(ROUND_SECONDS / seconds), 1)
        rounds = [_fit(model, batches, steps) for _ in range(ROUNDS)]
    fastest = min(seconds for seconds, _ in rounds)
    losses = [loss, *(loss for _, loss in rounds)]
    return steps * settings.batch_size / fastest, all(map(math.isfinite, losses))


def _fit(model: Augmented, batches: Batches, steps: int) -> tuple[float, float]:
    """Seconds of some training steps, and their loss."""
    began = clock()
    log = model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)
    return clock() - began, log.history["loss"][-1]


def _imagined(recipe: Recipe, job: Job) -> Dataset:
    """Random images with labels of the task, of two batches or of one call."""
    count = recipe.optimization.batch_size * max(
        recipe.optimization.steps_per_execution, 2
    )
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, *job.image_shape)).astype(job.image_type)
    labels = np.arange(count) % job.outputs
    if get_targets(recipe.data.task).dimensions == 2:
        labels = rng.integers(0, 2, (count, job.outputs))
        labels[:2] = [[0], [1]]  # numbers that are all equal have no unit
    split = Split(pixels, labels)
    names = tuple(map(str, range(job.outputs)))
    return Dataset("speed trial", split, split, names, recipe.data.task)


def main(text: str) -> None:
    """The program of the child process."""
    values = json.loads(text)
    tuples = {x: tuple(values[x]) for x in ("precisions", "image_shape")}
    job = Job(**values | tuples)
    signal.alarm(job.seconds)  # ends it, whatever it is at
    run_job(job)


if __name__ == "__main__":
    main(sys.argv[1])
