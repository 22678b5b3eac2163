"""A run, from its recipe to the trained model on disk; a stopped run continues."""

import contextlib
import pathlib
from typing import Any

import keras

from keras_hybrid import models
from keras_hybrid.data import Dataset
from keras_hybrid.train.added_rows import add_classes, keep_earlier
from keras_hybrid.train.calibrate import calibrate, scale_logits
from keras_hybrid.train.checkpoint import FILE as CHECKPOINT
from keras_hybrid.train.checkpoint import FORMER
from keras_hybrid.train.choose_orientation import (
    choose_orientation,
    orientation_entry,
    save_orientation,
)
from keras_hybrid.train.devices import Devices, plan
from keras_hybrid.train.evaluate import averaged, scorer
from keras_hybrid.train.fit import Callbacks, fit
from keras_hybrid.train.folds import run_folds
from keras_hybrid.train.freeze import frozen
from keras_hybrid.train.hold_out import save_manifest
from keras_hybrid.train.lora import lora
from keras_hybrid.train.metrics_logger import read_metrics, summary
from keras_hybrid.train.multiprocess import barrier, process_index
from keras_hybrid.train.packages import require_packages
from keras_hybrid.train.prepare import Prepared, load_for, prepare
from keras_hybrid.train.probe import train_classifier
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.refit import refitted
from keras_hybrid.train.remat import remat_scheduler
from keras_hybrid.train.retention import retention
from keras_hybrid.train.run_result import RunResult
from keras_hybrid.train.speed_trial.decide import SpeedTrial
from keras_hybrid.train.tasks import get_task
from keras_hybrid.train.unknown import add_rule
from keras_hybrid.train.user_metrics import Metrics, check_metrics
from keras_hybrid.train.workdir import claim, complete_card, locked
from keras_hybrid.train.write_results import Trained, write_results
from keras_hybrid.utils.card import read_card
from keras_hybrid.utils.files import write_atomically


def run(recipe: Recipe, callbacks: Callbacks = (), metrics: Metrics = ()) -> RunResult:
    """Trains, tests once, and writes the files of the run to `recipe.directory`.

    These are `model.keras`, `metrics.jsonl`, `curves.png`, `report.html`,
    `test_predictions.npz`, of a folder `manifest.csv`, and last of all `card.json`. A
    stopped run continues after its last finished epoch. A complete run is only read, or
    goes on for more epochs. Of several processes, the first one writes.

    Args:
        recipe: The settings.
        callbacks: Keras callbacks for `model.fit`, whose `model.network` is the network
            without augmentation. They are not part of the checkpoint: after a stop they
            are called from the next epoch on. With `folds` or `refit` several networks
            call them, one after another. A function that returns callbacks, see `fit`,
            gives each network its own.
        metrics: Keras metrics of one-hot labels and probabilities; of 0 or 1 for each
            class and probabilities; or of numbers and predicted numbers. They appear in
            `metrics.jsonl`, those of validation in the card, too.

    Returns:
        The folder, the card with its metrics, and the model.

    Raises:
        ImportError: If a package is missing, before anything is read or written.
        ValueError: If the workdir holds a run of other settings, another process is at
            work in it, a metric cannot be used, the results could not be written, or
            Keras has another backend than the recipe.
        TrainingDiverged: If the loss becomes NaN or infinite.

    Example:
        >>> callbacks = [keras.callbacks.TensorBoard("logs")]
        >>> result = run(recipe, callbacks, [keras.metrics.F1Score("macro")])
        >>> result.metrics["test_accuracy"]
    """
    return run_timed(recipe, callbacks, metrics, SpeedTrial())


def run_timed(
    recipe: Recipe, callbacks: Callbacks, metrics: Metrics, trial: SpeedTrial
) -> RunResult:
    """As `run`, with the given speed trial, which may raise `OtherBackend`."""
    recipe.check_trains("run")
    trial.begin(recipe)
    require_packages(recipe)

    def train(recipe: Recipe) -> dict[str, Any]:
        # The flags come before anything that JAX computes
        scheduler = remat_scheduler if recipe.runtime.remat else contextlib.nullcontext
        with scheduler(), locked(recipe.directory):
            return _run(recipe, recipe.directory, callbacks, metrics, trial)

    if recipe.data.folds and recipe.data.fold is None:
        with locked(recipe.directory):
            card = run_folds(recipe, train)
    elif recipe.selection.refit:
        card = train(refitted(recipe, train))
    else:
        card = train(recipe)
    return RunResult(recipe.directory, card)


def _run(
    recipe: Recipe,
    directory: pathlib.Path,
    callbacks: Callbacks,
    metrics: Metrics,
    trial: SpeedTrial,
) -> dict[str, Any]:
    recipe, dataset = load_for(recipe)
    recipe = trial.settle(recipe, dataset)
    recipe, orientation = choose_orientation(recipe, dataset)
    devices = plan(recipe)
    images = dataset.fingerprint()
    if card := complete_card(recipe, directory, dataset):
        return card
    task = get_task(recipe.data.task)
    check_metrics(metrics, task, len(dataset.class_names), devices)
    ready = prepare(recipe, directory, dataset, devices)
    with devices.scope():
        barrier()  # every process has looked into the workdir
        if process_index() == 0:
            # only now, so that bad settings leave no files
            claim(recipe, directory, dataset, trial.entry())
            save_manifest(recipe, directory, dataset)
            save_orientation(directory, orientation)
        barrier()
        network, tuning = ready.network, recipe.fine_tuning
        training = ready.training
        if tuning.earlier_run:
            training = add_classes(network, training, tuning.earlier_run)
            before = network.get_weights()
        if tuning.probe_epochs and not (directory / CHECKPOINT).exists():
            train_classifier(recipe, network, training)
        splits = training, ready.validation
        with frozen(network, tuning.freeze), lora(network, tuning.lora_rank):
            kept = fit(recipe, directory, network, *splits, devices, callbacks, metrics)
        if tuning.earlier_run:
            keep_earlier(network, before, tuning.earlier_run)
    if process_index() == 0:
        facts = trial.entry()
        _finish(recipe, directory, dataset, images, ready, devices, kept, facts)
    barrier()
    return read_card(directory / "card.json")


def _finish(
    recipe: Recipe,
    directory: pathlib.Path,
    dataset: Dataset,
    images: str,
    ready: Prepared,
    devices: Devices,
    kept: int,
    facts: dict[str, Any],
) -> None:
    """Saves and tests the trained model, and writes the files of the run."""
    settings, task = recipe.selection, get_task(recipe.data.task)
    model, validation = models.in_float32(ready.model), ready.validation
    temperature = settings.temperature
    if temperature != 1:
        scale_logits(model, 1 / temperature)
    if settings.calibrate and validation:
        temperature *= calibrate(model, scorer(model, settings.tta), validation)
    rule: dict[str, Any] = {}
    if settings.reject and task.rejects and validation:
        model, rule = add_rule(model, settings.tta, ready.training, validation)
    write_atomically(directory / "model.keras", model.save)
    if devices.several:  # the test runs on one device
        model = keras.models.load_model(directory / "model.keras", compile=False)
    epochs = read_metrics(directory)
    facts |= rule | {"temperature": temperature, "devices": devices.facts()}
    trained = Trained(
        recipe,
        dataset,
        images,
        model,
        task.trained(averaged(model, settings.tta)),
        validation,
        epochs,
        summary(epochs, kept),
        retention(recipe, model, dataset) | facts | orientation_entry(directory),
    )
    write_results(trained, directory)
    (directory / FORMER).unlink(missing_ok=True)  # the last state is for more epochs
