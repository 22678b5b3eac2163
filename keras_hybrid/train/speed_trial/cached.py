"""Timings of speed trials, kept in the user's cache folder for equal networks."""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras

from keras_hybrid import __version__
from keras_hybrid.train.speed_trial.choice import Timing, as_dicts, from_dicts
from keras_hybrid.train.speed_trial.trial import Job
from keras_hybrid.utils.backend import backend_version, installed_backends
from keras_hybrid.utils.card import read_card, write_card
from keras_hybrid.utils.files import user_cache
from keras_hybrid.utils.machine import accelerators, processor

_KEY = "key"
_TIMINGS = "timings"
_FREE = (
    *("epochs", "minutes", "learning_rate", "final_learning_rate", "schedule"),
    *("warmup_epochs", "weight_decay", "label_smoothing", "seed", "precision"),
)
"""Settings of the optimization on which the time of a step does not depend."""
_VARIABLES = ("XLA_", "JAX_", "TF_", "OMP_", "MKL_", "CUDA_", "TORCH_", "PYTORCH_")
"""How the names of environment variables begin on which it may depend."""


def cache_file(job: Job, backends: Sequence[str]) -> pathlib.Path:
    """The file of a job on these backends, which may not exist."""
    text = json.dumps(_key(job, backends), sort_keys=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    return user_cache() / "speed_trials" / f"{name}.json"


def read_timings(job: Job, backends: Sequence[str]) -> tuple[Timing, ...]:
    """What was timed before; empty if nothing was, or the file is damaged."""
    try:
        card = read_card(cache_file(job, backends))
        if card[_KEY] == _key(job, backends):
            return from_dicts(card[_TIMINGS])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return ()


def write_timings(
    job: Job, backends: Sequence[str], timings: Sequence[Timing]
) -> pathlib.Path | None:
    """Keeps timings for later runs; None if the folder cannot be written to."""
    file = cache_file(job, backends)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        card = {_TIMINGS: as_dicts(timings), _KEY: _key(job, backends)}
        write_card(card, file)
    except OSError:
        return None
    return file


def _key(job: Job, backends: Sequence[str]) -> dict[str, Any]:
    """All that the time of a step depends on, ready for JSON."""
    recipe = job.recipe
    kept = ("network", "augmentation", "fine_tuning")
    optimization = recipe["optimization"].items()
    key = {
        **{name: recipe[name] for name in kept},
        "optimization": {x: y for x, y in optimization if x not in _FREE},
        "task": recipe["data"]["task"],
        "cache_on_device": recipe["runtime"]["cache_on_device"],
        "remat": recipe["runtime"]["remat"],
        "image": [*job.image_shape, job.image_type],
        "outputs": job.outputs,
        "precisions": job.precisions,
        "backends": sorted(backends),
        "machine": machine(),
        "versions": _versions(),
    }
    return json.loads(json.dumps(key))


def machine() -> dict[str, Any]:
    """Processor, cores, accelerators and variables that change how backends compute."""
    variables = os.environ.items()
    cores = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    return {
        "processor": processor(),
        "cores": len(cores),
        "accelerators": accelerators(),
        "variables": {x: y for x, y in variables if x.startswith(_VARIABLES)},
    }


def _versions() -> dict[str, str]:
    """Versions of this package, Keras, the backends and what they compute with."""
    found = {"keras_hybrid": __version__, "keras": keras.__version__}
    for name in installed_backends():
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = backend_version(name)
    return found
