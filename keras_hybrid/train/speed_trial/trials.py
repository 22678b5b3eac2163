"""Speed trials of several backends, one child process after another."""

import contextlib
import dataclasses
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence

from keras_hybrid.data import Dataset
from keras_hybrid.train.hold_out import split_indices
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.speed_trial.choice import AUTO, BFLOAT16, FLOAT32, Timing
from keras_hybrid.train.speed_trial.trial import Job
from keras_hybrid.utils.subprocesses import ChildProcessFailed, run_module

ORDER = ("torch", "tensorflow", "jax")
"""Backends that compile least come first: a limit of time ends the others."""
LIMIT = 60.0
"""Seconds for all children together."""
RESERVE = 12.0
"""Seconds that every child leaves to each one after it."""
WORTH_IT = 180.0
"""A run that takes fewer seconds than these is not worth the trial of all backends."""
CHILD = "keras_hybrid.train.speed_trial.trial"
TOO_SLOW = "not timed within {:.0f} seconds"
clock: Callable[[], float] = time.perf_counter


def make_job(recipe: Recipe, dataset: Dataset, networks: int = 1) -> Job:
    """The steps of a run that a child times.

    Weights and classes' shares cost no time in a step, and are left out.

    Args:
        recipe: The settings, none of them open but the precision.
        dataset: The images.
        networks: Number of networks that are trained like this one.
    """
    settings = recipe.optimization
    given = settings.precision
    precisions = (FLOAT32, BFLOAT16) if given == AUTO else (given,)
    alike = {"weights": None, "earlier_run": None, "class_balance": "none"}
    own = {"precision": precisions[0], "workdir": None, "data_dir": None}
    images = dataset.train.images
    count = len(split_indices(recipe, dataset.train)[0])
    work = networks * max(settings.epochs, 1) * count
    return Job(
        recipe=recipe.replace(**alike | own).as_dict(),
        precisions=precisions,
        image_shape=tuple(images.shape[1:]),
        image_type=images.dtype.name,
        outputs=len(dataset.class_names),
        images=math.inf if settings.budget else work,
        enough=WORTH_IT,
        seconds=0,
    )


def run_trials(job: Job, backends: Sequence[str]) -> tuple[Timing, ...]:
    """Times a job on backends, until the limit is reached or the run is seen as short.

    Args:
        job: What `make_job` returned.
        backends: Their names.

    Returns:
        A timing per backend and precision; those that came too late have a failure.
    """
    began, timings = clock(), []
    waiting = [name for name in ORDER if name in backends]
    while waiting:
        backend = waiting.pop(0)
        limit = LIMIT - (clock() - began) - RESERVE * len(waiting)
        found = _run_child(job, backend, max(limit, 0.0))
        timings += found
        if is_short(job, found):
            break
    return tuple(timings)


def is_short(job: Job, timings: Sequence[Timing]) -> bool:
    """Whether the run takes less time than is worth a trial, by what was timed."""
    speed = max((x.images_per_second for x in timings), default=0.0)
    return job.images < job.enough * speed


def _run_child(job: Job, backend: str, limit: float) -> list[Timing]:
    """The timings of a child, which is ended after `limit` seconds."""
    asked = dataclasses.replace(job, seconds=math.ceil(limit) + 1)
    failure = ""
    try:
        text = json.dumps(dataclasses.asdict(asked))
        printed = run_module(CHILD, [text], backend, timeout=limit)
    except ChildProcessFailed as error:
        printed = error.printed
        failure = TOO_SLOW.format(limit) if error.timed_out else str(error)
    rows = dict(_rows(printed))
    timings = []
    for precision in job.precisions:
        row = rows.get(precision)
        if row is None:
            if failure:
                timings.append(Timing(backend, precision, 0.0, failure))
            break
        speed, why = float(row["images_per_second"]), ""
        if not row["finite"]:
            speed, why = 0.0, "the loss was not finite"
        timings.append(Timing(backend, precision, speed, why))
    return timings


def _rows(printed: str) -> list[tuple[str, Mapping[str, float]]]:
    """The JSON objects among the lines that a child printed, by precision."""
    rows = []
    for line in printed.splitlines():
        if line.startswith('{"precision"'):
            with contextlib.suppress(ValueError):  # it was ended within the line
                row = json.loads(line)
                rows.append((row["precision"], row))
    return rows
