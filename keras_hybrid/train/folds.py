"""Cross-validation: a network per fold, and all of them joined in one model."""

import pathlib
import statistics
from collections.abc import Callable
from typing import Any

import keras

from keras_hybrid import models
from keras_hybrid.train.choose import choose_before_loading, choose_keep_best
from keras_hybrid.train.choose_orientation import (
    choose_orientation,
    orientation_entry,
    save_orientation,
)
from keras_hybrid.train.evaluate import averaged
from keras_hybrid.train.hold_out import load_images, save_manifest
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.tasks import get_task
from keras_hybrid.train.workdir import SETTINGS, claim, complete_card
from keras_hybrid.train.write_results import Trained, write_results
from keras_hybrid.utils.card import read_card
from keras_hybrid.utils.files import write_atomically


def run_folds(
    recipe: Recipe, run: Callable[[Recipe], dict[str, Any]]
) -> dict[str, Any]:
    """Trains a network per fold, in `fold1` and so on, and joins them in the workdir.

    Args:
        recipe: The settings, with `folds`.
        run: Trains by the recipe of one fold and returns the card.

    Returns:
        The card of the joint model, with the mean and the standard deviation of the
        folds' validation metrics.
    """
    directory = recipe.directory
    recipe, images, card = _begin(recipe, directory)
    if card:
        return card
    folders = [directory / f"fold{i + 1}" for i in range(recipe.data.folds)]
    cards = []
    for number, folder in enumerate(folders, 1):
        print(f"\nFold {number} of {len(folders)}", flush=True)
        fold = recipe.replace(
            fold=number,
            workdir=str(folder),
            overwrite=False,
            minutes=recipe.optimization.shared_minutes(len(folders)),
        )
        cards.append(run(fold))
    members = [
        keras.models.load_model(x / "model.keras", compile=False) for x in folders
    ]
    joint = models.ensemble(members)
    write_atomically(directory / "model.keras", joint.save)
    chosen = Recipe.read(folders[0] / SETTINGS)
    dataset = load_images(chosen)
    task = get_task(recipe.data.task)
    predictor = task.trained(averaged(joint, recipe.selection.tta))
    trained = Trained(
        chosen.replace(fold=None),
        dataset,
        images,
        joint,
        predictor,
        None,
        (),
        _spread([card["metrics"] for card in cards]),
        orientation_entry(directory),
    )
    write_results(trained, directory)
    return read_card(directory / "card.json")


def _begin(
    recipe: Recipe, directory: pathlib.Path
) -> tuple[Recipe, str, dict[str, Any] | None]:
    """Claims the workdir; returns the recipe, the fingerprint and a complete card."""
    dataset = load_images(choose_before_loading(recipe))
    recipe = choose_keep_best(recipe, dataset)
    recipe, orientation = choose_orientation(recipe, dataset)
    images = dataset.fingerprint()
    card = complete_card(recipe, directory, dataset)
    if not card:
        claim(recipe, directory, dataset)
        save_manifest(recipe.replace(validation_split=0.0), directory, dataset)
        save_orientation(directory, orientation)
    return recipe, images, card


def _spread(folds: list[dict[str, float]]) -> dict[str, float]:
    """Mean and standard deviation of the validation metrics over folds."""
    found = {}
    for name in folds[0]:
        if name.startswith("validation_"):
            values = [fold[name] for fold in folds]
            found[f"{name}_mean"] = round(statistics.mean(values), 6)
            found[f"{name}_std"] = round(statistics.stdev(values), 6)
    return found
