"""A run, from its recipe to the trained model on disk; a stopped run continues."""

import contextlib
import pathlib
from typing import Any

import keras

from keras_hybrid import models
from keras_hybrid.data import Dataset, Split
from keras_hybrid.train.calibrate import calibrate, scale_logits
from keras_hybrid.train.choose import choose_image_size, choose_settings, is_open
from keras_hybrid.train.curves import plot_curves
from keras_hybrid.train.devices import Devices, plan
from keras_hybrid.train.evaluate import check_tta, evaluate, scorer
from keras_hybrid.train.fit import CallbackFactory, fit
from keras_hybrid.train.folds import run_folds
from keras_hybrid.train.hold_out import load_images, make_splits
from keras_hybrid.train.keep_best import FILE as BEST
from keras_hybrid.train.metrics_logger import read_metrics, summary
from keras_hybrid.train.multiprocess import barrier, process_index
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.remat import remat_scheduler
from keras_hybrid.train.run_card import make_card
from keras_hybrid.train.run_report import write_report
from keras_hybrid.train.workdir import SETTINGS, claim, complete_card, refit_of
from keras_hybrid.utils.card import read_card, write_card
from keras_hybrid.utils.files import write_atomically


def run(recipe: Recipe, callbacks: CallbackFactory | None = None) -> dict[str, Any]:
    """Trains, tests once, and writes the files of the run to `recipe.directory`.

    These are `model.keras`, `metrics.jsonl`, `curves.png`, `report.html` and, last of
    all, `card.json`. A stopped run continues after its last finished epoch. A complete
    run is only read. Of several processes, the first one writes.

    Args:
        recipe: The settings.
        callbacks: Returns more callbacks for `model.fit`; see `fit`.

    Returns:
        The card.

    Raises:
        ValueError: If the workdir holds a run of other settings.
        TrainingDiverged: If the loss becomes NaN or infinite.
    """
    if recipe.data.folds and recipe.data.fold is None:
        return run_folds(recipe, lambda fold: run(fold, callbacks))
    if recipe.selection.refit:
        return run(_refitted(recipe, callbacks), callbacks)
    # The flags come before anything that JAX computes
    scheduler = remat_scheduler if recipe.runtime.remat else contextlib.nullcontext
    with scheduler():
        return _run(recipe, recipe.directory, callbacks)


def _run(
    recipe: Recipe, directory: pathlib.Path, callbacks: CallbackFactory | None
) -> dict[str, Any]:
    keras.utils.set_random_seed(recipe.optimization.seed)
    recipe = choose_image_size(recipe)
    dataset = None
    if is_open(recipe):
        dataset = load_images(recipe)
        recipe = choose_settings(recipe, dataset)
    devices = plan(recipe)
    if card := complete_card(recipe, directory):
        return card
    dataset = dataset or load_images(recipe)
    training, validation = make_splits(recipe, dataset)
    with devices.scope():
        model = build(recipe, dataset)
        check_tta(model, recipe.selection.tta)
        barrier()  # every process has looked into the workdir
        if process_index() == 0:
            claim(recipe, directory)  # only now, so that bad settings leave no files
        barrier()
        network = models.logits(model)
        kept = fit(recipe, directory, network, training, validation, devices, callbacks)
    if process_index() == 0:
        _finish(recipe, directory, dataset, model, devices, validation, kept)
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
    model: keras.Model,
    devices: Devices,
    validation: Split | None,
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
    card = make_card(recipe, dataset, model, metrics)
    card |= {"temperature": temperature, "devices": devices.facts()}
    plot_curves(epochs, directory / "curves.png", directory.name)
    write_report(directory / "report.html", card, epochs, dataset.test, probabilities)
    write_card(card, directory / "card.json")  # last: a run with a card is complete
    for name in ("checkpoint.npz", BEST):
        (directory / name).unlink(missing_ok=True)


def _refitted(recipe: Recipe, callbacks: CallbackFactory | None) -> Recipe:
    """The recipe for all images, after a run that held some out, beside the workdir."""
    directory = recipe.directory
    done = refit_of(recipe, directory)
    if done:
        return done
    searched = recipe.replace(
        refit=False,
        workdir=str(directory.with_name(f"{directory.name}-search")),
        minutes=recipe.optimization.shared_minutes(2),
    )
    print(f"Looking for the best number of epochs in {searched.directory}.")
    card = run(searched, callbacks)
    found = card["metrics"]
    epochs = int(found.get("kept_epoch", found["epochs"]))
    print(f"Training on all images for {epochs} epochs.")
    chosen = Recipe.read(searched.directory / SETTINGS)
    warmup = recipe.optimization.warmup_epochs
    return recipe.replace(
        validation_split=0.0,
        image_size=chosen.data.image_size,
        model=chosen.network.model,
        model_options=chosen.network.model_options,
        batch_size=chosen.optimization.batch_size,
        epochs=epochs,
        minutes=None,
        warmup_epochs=warmup if warmup is not None and warmup < epochs else None,
        keep_best="none",
        patience=None,
        refit=False,
        calibrate=False,
        temperature=card["temperature"],
        workdir=str(directory),
    )
