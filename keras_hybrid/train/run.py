"""A run, from its recipe to the trained model on disk; a stopped run continues."""

import contextlib
import pathlib
from typing import Any

import keras

from keras_hybrid import models
from keras_hybrid.data import Dataset, Split
from keras_hybrid.data.batches import check_batch_size
from keras_hybrid.train.calibrate import calibrate, scale_logits
from keras_hybrid.train.checkpoint import FILE as CHECKPOINT
from keras_hybrid.train.choose import choose_before_loading, choose_settings, is_open
from keras_hybrid.train.curves import plot_curves
from keras_hybrid.train.devices import Devices, plan
from keras_hybrid.train.evaluate import check_tta, evaluate, scorer
from keras_hybrid.train.fit import Callbacks, fit
from keras_hybrid.train.folds import run_folds
from keras_hybrid.train.freeze import frozen, frozen_layers
from keras_hybrid.train.hold_out import load_images, make_splits, save_manifest
from keras_hybrid.train.keep_best import FILE as BEST
from keras_hybrid.train.lora import lora
from keras_hybrid.train.metrics_logger import read_metrics, summary
from keras_hybrid.train.multiprocess import barrier, process_index
from keras_hybrid.train.packages import require_packages
from keras_hybrid.train.probe import train_classifier
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.refit import refitted
from keras_hybrid.train.remat import remat_scheduler
from keras_hybrid.train.run_card import make_card
from keras_hybrid.train.run_report import write_report
from keras_hybrid.train.run_result import RunResult
from keras_hybrid.train.summarize_test import summarize_test
from keras_hybrid.train.train_size import check_train_sizes
from keras_hybrid.train.user_metrics import Metrics, check_metrics
from keras_hybrid.train.workdir import check_workdir, claim, complete_card
from keras_hybrid.utils.card import read_card, write_card
from keras_hybrid.utils.files import write_atomically


def run(recipe: Recipe, callbacks: Callbacks = (), metrics: Metrics = ()) -> RunResult:
    """Trains, tests once, and writes the files of the run to `recipe.directory`.

    These are `model.keras`, `metrics.jsonl`, `curves.png`, `report.html`, of a folder
    `manifest.csv`, and last of all `card.json`. A stopped run continues after its last
    finished epoch. A complete run is only read. Of several processes, the first one
    writes.

    Args:
        recipe: The settings.
        callbacks: Keras callbacks for `model.fit`, whose `model.network` is the network
            without augmentation. They are not part of the checkpoint: after a stop they
            are called from the next epoch on. With `folds` or `refit` several networks
            call them, one after another. A function that returns callbacks, see `fit`,
            gives each network its own.
        metrics: Keras metrics of one-hot labels and probabilities. They appear in
            `metrics.jsonl`, those of validation in the card, too.

    Returns:
        The folder, the card with its metrics, and the model.

    Raises:
        ImportError: If a package is missing, before anything is read or written.
        ValueError: If the workdir holds a run of other settings, or a metric cannot be
            used.
        TrainingDiverged: If the loss becomes NaN or infinite.

    Example:
        >>> callbacks = [keras.callbacks.TensorBoard("logs")]
        >>> result = run(recipe, callbacks, [keras.metrics.F1Score("macro")])
        >>> result.metrics["test_accuracy"]
    """
    require_packages(recipe)

    def train(recipe: Recipe) -> dict[str, Any]:
        # The flags come before anything that JAX computes
        scheduler = remat_scheduler if recipe.runtime.remat else contextlib.nullcontext
        with scheduler():
            return _run(recipe, recipe.directory, callbacks, metrics)

    if recipe.data.folds and recipe.data.fold is None:
        card = run_folds(recipe, train)
    elif recipe.selection.refit:
        card = train(refitted(recipe, train))
    else:
        card = train(recipe)
    return RunResult(recipe.directory, card)


def _run(
    recipe: Recipe, directory: pathlib.Path, callbacks: Callbacks, metrics: Metrics
) -> dict[str, Any]:
    keras.utils.set_random_seed(recipe.optimization.seed)
    recipe = choose_before_loading(recipe)
    check_workdir(directory)
    dataset = load_images(recipe)
    if is_open(recipe):
        recipe = choose_settings(recipe, dataset)
    devices = plan(recipe)
    images = dataset.fingerprint()
    if card := complete_card(recipe, directory, images):
        return card
    check_metrics(metrics, len(dataset.class_names), devices)
    training, validation = make_splits(recipe, dataset)
    settings = recipe.optimization
    check_batch_size(settings.batch_size, len(training), recipe.augmentation)
    with devices.scope():
        model = build(recipe, dataset)
        check_tta(model, recipe.selection.tta)
        frozen_layers(model, recipe.fine_tuning.freeze)  # or ValueError
        check_train_sizes(settings, models.logits(model), recipe.network.model)
        barrier()  # every process has looked into the workdir
        if process_index() == 0:
            # only now, so that bad settings leave no files
            claim(recipe, directory, images)
            save_manifest(recipe, directory, dataset)
        barrier()
        network, tuning = models.logits(model), recipe.fine_tuning
        if tuning.probe_epochs and not (directory / CHECKPOINT).exists():
            train_classifier(recipe, network, training)
        splits = training, validation
        with frozen(network, tuning.freeze), lora(network, tuning.lora_rank):
            kept = fit(recipe, directory, network, *splits, devices, callbacks, metrics)
    if process_index() == 0:
        data = dataset, images, validation
        _finish(recipe, directory, *data, model, devices, kept)
    barrier()
    return read_card(directory / "card.json")


def build(recipe: Recipe, dataset: Dataset) -> keras.Model:
    """The model of a recipe for a dataset."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.optimization.precision)
    try:
        return models.get(recipe.network.model).builder(
            weights=recipe.network.weights,
            input_shape=dataset.train.images.shape[1:],
            classes=len(dataset.class_names),
            **recipe.network.arguments(),
        )
    finally:
        keras.config.set_dtype_policy(policy)


def _finish(
    recipe: Recipe,
    directory: pathlib.Path,
    dataset: Dataset,
    images: str,
    validation: Split | None,
    model: keras.Model,
    devices: Devices,
    kept: int,
) -> None:
    """Saves and tests the trained model, and writes the files of the run."""
    settings = recipe.selection
    temperature = settings.temperature
    if temperature != 1:
        scale_logits(model, 1 / temperature)
    if settings.calibrate and validation:
        temperature *= calibrate(model, scorer(model, settings.tta), validation)
    write_atomically(directory / "model.keras", model.save)
    if devices.several:  # the test runs on one device
        model = keras.models.load_model(directory / "model.keras", compile=False)
    metrics, probabilities = evaluate(
        scorer(model, settings.tta), dataset.test, recipe.data.ordinal
    )
    epochs = read_metrics(directory)
    metrics |= summary(epochs, kept)
    card = make_card(recipe, dataset, images, model, metrics)
    card |= summarize_test(dataset, probabilities, recipe.data.ordinal)
    card |= {"temperature": temperature, "devices": devices.facts()}
    plot_curves(epochs, directory / "curves.png", directory.name)
    write_report(directory / "report.html", card, epochs, dataset.test, probabilities)
    write_card(card, directory / "card.json")  # last: a run with a card is complete
    for name in (CHECKPOINT, BEST):
        (directory / name).unlink(missing_ok=True)
