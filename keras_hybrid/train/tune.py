"""A search for settings with Optuna, on the validation images alone."""

import dataclasses
import math
import pathlib
import statistics
import tempfile
import time
from typing import TYPE_CHECKING, Any

import keras

from keras_hybrid.data import Dataset
from keras_hybrid.train.choose import (
    choose_before_loading,
    choose_settings,
    fit_batch_size,
)
from keras_hybrid.train.choose_orientation import choose_orientation
from keras_hybrid.train.fit import TrainingDiverged, fit
from keras_hybrid.train.hold_out import load_images, make_splits, split_indices
from keras_hybrid.train.metrics_logger import read_metrics
from keras_hybrid.train.packages import require_packages
from keras_hybrid.train.prepare import build
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.speed_trial.decide import check_fixed
from keras_hybrid.train.study import minutes_so_far, open_study
from keras_hybrid.train.tasks import get_task
from keras_hybrid.train.tune_options import Tuning
from keras_hybrid.train.tune_report import plot, write_results
from keras_hybrid.train.tune_space import (
    distributions,
    scaled_widths,
    with_settings,
)
from keras_hybrid.utils.errors import first_line
from keras_hybrid.utils.optional import require

if TYPE_CHECKING:
    import optuna

TRIALS = 20
"""So many trials fit in the time, if their own length is not given."""
FAILURES = 3
"""A search ends if so many trials fail before one goes well."""


def tune(tuning: Tuning) -> Recipe:
    """Searches until the time or the trials are over; writes what it found.

    The workdir gets `trials.csv`, plots, and `recipe.json`, the best settings so far. A
    search that was stopped resumes with a new time budget. Test images are not read.

    Args:
        tuning: The options.

    Returns:
        The recipe with the best settings found.

    Raises:
        ImportError: If Optuna or a package of a run is missing.
        ValueError: If there are no validation images, no trial was finished, or the
            workdir or the storage holds another search.
    """
    end = time.perf_counter() + 60 * tuning.search_minutes
    unused = get_task(tuning.recipe.data.task).unused
    search = tuple(name for name in tuning.search if name not in unused)
    tuning = dataclasses.replace(tuning, search=search)
    recipe, dataset = _prepare(tuning)
    directory = tuning.recipe.directory
    study = open_study(tuning, recipe, dataset, directory)
    images = len(split_indices(recipe, dataset.train)[0])
    space = distributions(tuning.search, tuning.candidates, images)
    seconds: list[float] = []
    while not _over(tuning, study, end, seconds):
        began = time.perf_counter()
        trial = study.ask(space)
        value, state = _result(trial, recipe, dataset)
        study.tell(trial, value, state)
        seconds.append(time.perf_counter() - began)
        _print(study, trial.number, end)
        best = with_settings(recipe, study.best_params) if _complete(study) else None
        write_results(study, directory, best)
    if not _complete(study):
        raise ValueError("No trial was finished: give --search-minutes more.")
    plot(study, directory)
    return with_settings(recipe, study.best_params)


def _prepare(tuning: Tuning) -> tuple[Recipe, Dataset]:
    """The recipe without open settings, and the images."""
    require("optuna", "matplotlib", "sklearn", extra="tune", what="tune")
    tuning.recipe.check_trains("tune")
    check_fixed(tuning.recipe, "tune")
    require_packages(tuning.recipe)
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    recipe = tuning.recipe
    if recipe.data.folds or recipe.selection.refit:
        raise ValueError("tune takes neither --folds nor --refit: train with them.")
    settings = recipe.optimization
    if not settings.epochs and settings.minutes is None:
        minutes = minutes_so_far(recipe.directory) or tuning.search_minutes / TRIALS
        recipe = recipe.replace(minutes=minutes)
    recipe = choose_before_loading(recipe)
    dataset = load_images(recipe)
    recipe = fit_batch_size(choose_settings(recipe, dataset), dataset)
    recipe, _ = choose_orientation(recipe, dataset)
    if not len(split_indices(recipe, dataset.train)[1]):
        raise ValueError("tune needs validation images: --validation-split 0.2.")
    if "width" in tuning.search:
        for model in tuning.candidates or (recipe.network.model,):
            scaled_widths(recipe.replace(model=model), 1.0)  # or ValueError
    return recipe, dataset


def _over(
    tuning: Tuning, study: "optuna.Study", end: float, seconds: list[float]
) -> bool:
    """Whether the trials are done, or no further one fits in the time.

    Raises:
        ValueError: If trials fail, and none has gone well.
    """
    states = [trial.state.name for trial in study.trials]
    done = states.count("COMPLETE") + states.count("PRUNED")
    if not done and states.count("FAIL") >= FAILURES:
        raise ValueError(
            f"The first {FAILURES} trials failed: the lines above say why."
        )
    if tuning.trials and done >= tuning.trials:
        return True
    next_one = statistics.median(seconds) if seconds else 0.0
    return time.perf_counter() + next_one > end


def _complete(study: "optuna.Study") -> bool:
    """Whether a trial was finished."""
    return any(trial.state.name == "COMPLETE" for trial in study.trials)


def _result(
    trial: "optuna.Trial", recipe: Recipe, dataset: Dataset
) -> tuple[float | None, "optuna.trial.TrialState"]:
    """Trains with the settings of a trial; its value, and how it ended."""
    from optuna.trial import TrialState

    try:
        value = _train(trial, with_settings(recipe, trial.params), dataset)
    except TrainingDiverged:
        return None, TrialState.PRUNED
    except Exception as error:  # settings that do not go together, or no memory
        print(f"Trial {trial.number + 1} failed: {first_line(error)}", flush=True)
        return None, TrialState.FAIL
    return value, TrialState.PRUNED if value is None else TrialState.COMPLETE


def _train(trial: "optuna.Trial", recipe: Recipe, dataset: Dataset) -> float | None:
    """The validation metric after training; None if the trial was stopped early."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(recipe.optimization.seed)
    training, validation = make_splits(recipe, dataset)
    network = get_task(recipe.data.task).trained(build(recipe, dataset))
    report = _Report(trial, recipe)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        fit(recipe, folder, network, training, validation, callbacks=report.listed)
        values = [report.value(epoch) for epoch in read_metrics(folder)]
    if report.pruned:
        return None
    return max(values) if recipe.selection.keeps_best else values[-1]


class _Report(keras.callbacks.Callback):
    """Tells a trial its validation metric after every epoch; stops it if told to."""

    def __init__(self, trial: "optuna.Trial", recipe: Recipe):
        super().__init__()
        self.trial = trial
        selection, self.task = recipe.selection, get_task(recipe.data.task)
        keeps_best = selection.keeps_best
        self.metric = selection.keep_best if keeps_best else self.task.measure
        self.epochs = recipe.optimization.epochs
        self.seconds = recipe.optimization.budget
        self.began = time.perf_counter()
        self.pruned = False

    def listed(self, *_: Any) -> list[keras.callbacks.Callback]:
        """A factory of callbacks for `fit`."""
        return [self]

    def value(self, logs: dict[str, Any]) -> float:
        """The metric; higher is better."""
        return self.task.score(self.metric, float(logs[f"val_{self.metric}"]))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        value = self.value(logs or {})
        if not math.isfinite(value):
            return  # `fit` ends the run
        share = (epoch + 1) / max(self.epochs, 1)
        if self.seconds:
            share = (time.perf_counter() - self.began) / self.seconds
        self.trial.report(value, min(round(100 * share), 100))
        if self.trial.should_prune():
            self.pruned = self.model.stop_training = True


def _print(study: "optuna.Study", number: int, end: float) -> None:
    trial = study.trials[number]
    value = f"{trial.value:.4f}" if trial.state.name == "COMPLETE" else trial.state.name
    best = f"{study.best_value:.4f}" if _complete(study) else "none"
    left = max(end - time.perf_counter(), 0) / 60
    settings = ", ".join(f"{name} {_short(x)}" for name, x in trial.params.items())
    print(
        f"Trial {number + 1}: {value.lower()} ({settings}); best {best}; {left:.0f} "
        "minutes left",
        flush=True,
    )


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
