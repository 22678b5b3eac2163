"""A search for settings with Optuna, on the validation images alone."""

import dataclasses
import math
import pathlib
import statistics
import tempfile
import time
from typing import TYPE_CHECKING, Any, Literal

import keras

from keras_hybrid import models
from keras_hybrid.data import Dataset
from keras_hybrid.train.choose import choose_image_size, choose_settings
from keras_hybrid.train.fit import TrainingDiverged, fit
from keras_hybrid.train.metrics_logger import read_metrics
from keras_hybrid.train.recipe import FEW_IMAGES, Recipe
from keras_hybrid.train.run import build, load_images, make_splits
from keras_hybrid.train.tune_report import write_results
from keras_hybrid.train.tune_space import (
    SEARCHABLE,
    distributions,
    scaled_widths,
    with_settings,
)

if TYPE_CHECKING:
    import optuna

TRIALS = 20
"""So many trials fit in the time, if their own length is not given."""


@dataclasses.dataclass(frozen=True)
class Tuning:
    """The options of a search."""

    recipe: Recipe = dataclasses.field(
        default_factory=lambda: Recipe.of(
            name="tune",
            dataset="folder",
            validation_split=0.2,
            model="auto",
            **FEW_IMAGES,
        )
    )
    """The settings that all trials share."""
    search_minutes: float = 60.0
    """Time for the whole search, in minutes."""
    trials: int | None = None
    """Stop after so many trials, those of earlier calls included."""
    search: tuple[str, ...] = (
        "learning_rate",
        "weight_decay",
        "batch_size",
        "label_smoothing",
        "trivial_augment",
    )
    """Settings to search: learning_rate, weight_decay, batch_size, label_smoothing,
    gabor_loss, dropout_rate, padding, cutout, trivial_augment, mixup, width."""
    candidates: tuple[str, ...] = ()
    """Models to choose from; none searches with the recipe's model."""
    pruner: Literal["asha", "median", "none"] = "asha"
    """What stops bad trials early: asynchronous successive halving, or the median."""
    storage: str | None = None
    """URL of a database for the trials, e.g. sqlite:///study.db, which several machines
    can share; without it a file in the workdir, which several processes can share."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.search if name not in SEARCHABLE]
        if unknown:
            raise ValueError(
                f"--search knows {', '.join(SEARCHABLE)}, not {', '.join(unknown)}."
            )
        if self.search_minutes <= 0:
            raise ValueError(
                f"search_minutes must be above 0, not {self.search_minutes}."
            )
        for name in self.candidates:
            models.get(name)  # or ValueError


def tune(tuning: Tuning) -> Recipe:
    """Searches until the time or the trials are over; writes what it found.

    The workdir gets `trials.csv`, plots, and `recipe.json`, the best settings. A search
    that was stopped goes on. The test images are not looked at.

    Args:
        tuning: The options.

    Returns:
        The recipe with the best settings found.

    Raises:
        ImportError: If Optuna is missing.
        ValueError: If there are no validation images, or no trial was finished.
    """
    end = time.perf_counter() + 60 * tuning.search_minutes
    recipe, dataset = _prepare(tuning)
    directory = tuning.recipe.directory
    directory.mkdir(parents=True, exist_ok=True)
    study = _study(tuning, directory)
    images = len(make_splits(recipe, dataset)[0])
    space = distributions(tuning.search, tuning.candidates, images)
    seconds: list[float] = []
    while not _over(tuning, study, end, seconds):
        began = time.perf_counter()
        trial = study.ask(space)
        study.tell(trial, *_result(trial, recipe, dataset))
        seconds.append(time.perf_counter() - began)
        _print(study, trial.number, end)
        write_results(study, directory)
    if not _finished(study, "COMPLETE"):
        raise ValueError("No trial was finished: give --search-minutes more.")
    best = with_settings(recipe, study.best_params)
    write_results(study, directory, best)
    return best


def _prepare(tuning: Tuning) -> tuple[Recipe, Dataset]:
    """The recipe without open settings, and the images."""
    try:
        import optuna
    except ImportError as error:
        raise ImportError(
            "tune needs Optuna: pip install 'keras_hybrid[tune]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    recipe = tuning.recipe
    if not recipe.data.validation_split:
        raise ValueError("tune needs validation images: --validation-split 0.2.")
    settings = recipe.optimization
    if not settings.epochs and settings.minutes is None:
        recipe = recipe.replace(minutes=tuning.search_minutes / TRIALS)
    recipe = choose_image_size(recipe)
    dataset = load_images(recipe)
    recipe = choose_settings(recipe, dataset)
    if "width" in tuning.search:
        for model in tuning.candidates or (recipe.network.model,):
            scaled_widths(model, 1.0)  # or ValueError
    return recipe, dataset


def _study(tuning: Tuning, directory: pathlib.Path) -> "optuna.Study":
    import optuna
    from optuna.storages.journal import JournalFileBackend

    pruners = {  # a trial has 100 steps, whatever its epochs
        "asha": optuna.pruners.SuccessiveHalvingPruner(15, reduction_factor=3),
        "median": optuna.pruners.MedianPruner(n_warmup_steps=15),
        "none": optuna.pruners.NopPruner(),
    }
    return optuna.create_study(
        study_name=tuning.recipe.name,
        storage=tuning.storage
        or optuna.storages.JournalStorage(
            JournalFileBackend(str(directory / "study.log"))
        ),
        sampler=optuna.samplers.TPESampler(multivariate=True, constant_liar=True),
        pruner=pruners[tuning.pruner],
        direction="maximize",
        load_if_exists=True,
    )


def _over(
    tuning: Tuning, study: "optuna.Study", end: float, seconds: list[float]
) -> bool:
    """Whether the trials are done, or no further one fits in the time."""
    if tuning.trials and len(_finished(study, "COMPLETE", "PRUNED")) >= tuning.trials:
        return True
    next_one = statistics.median(seconds) if seconds else 0.0
    return time.perf_counter() + next_one > end


def _finished(study: "optuna.Study", *states: str) -> list["optuna.trial.FrozenTrial"]:
    return [trial for trial in study.trials if trial.state.name in states]


def _result(
    trial: "optuna.Trial", recipe: Recipe, dataset: Dataset
) -> tuple[float | None, "optuna.trial.TrialState"]:
    """Trains with the settings of a trial; the value, and whether it was pruned."""
    from optuna.trial import TrialState

    chosen = with_settings(recipe, trial.params)
    keras.backend.clear_session()
    keras.utils.set_random_seed(chosen.optimization.seed)
    training, validation = make_splits(chosen, dataset)
    network = models.logits(build(chosen, dataset))
    report = _Report(trial, chosen)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        try:
            fit(chosen, folder, network, training, validation, callbacks=report.listed)
        except TrainingDiverged:
            return None, TrialState.PRUNED
        values = [report.value(epoch) for epoch in read_metrics(folder)]
    if report.pruned:
        return None, TrialState.PRUNED
    keeps = chosen.selection.keep_best != "none"
    return max(values) if keeps else values[-1], TrialState.COMPLETE


class _Report(keras.callbacks.Callback):
    """Tells a trial its validation metric after every epoch; stops it if told to."""

    def __init__(self, trial: "optuna.Trial", recipe: Recipe):
        super().__init__()
        self.trial = trial
        metric = recipe.selection.keep_best
        self.metric = "accuracy" if metric == "none" else metric
        self.epochs = recipe.optimization.epochs
        self.seconds = recipe.optimization.budget
        self.began = time.perf_counter()
        self.pruned = False

    def listed(self, *_: Any) -> list[keras.callbacks.Callback]:
        """A factory of callbacks for `fit`."""
        return [self]

    def value(self, logs: dict[str, Any]) -> float:
        """The metric, more of which is better."""
        value = float(logs[f"val_{self.metric}"])
        return -value if self.metric == "loss" else value

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
    value = "pruned" if trial.value is None else f"{trial.value:.4f}"
    best = f"{study.best_value:.4f}" if _finished(study, "COMPLETE") else "none"
    left = max(end - time.perf_counter(), 0) / 60
    settings = ", ".join(f"{name} {_short(x)}" for name, x in trial.params.items())
    print(
        f"Trial {number + 1}: {value} ({settings}); best {best}; {left:.0f} minutes "
        "left",
        flush=True,
    )


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
