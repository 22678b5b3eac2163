"""Cross-validation: a network per fold, and all of them joined in one model."""

import pathlib
import statistics
from collections.abc import Callable
from typing import Any

import keras

from keras_hybrid import models
from keras_hybrid.train.choose import choose_before_loading, choose_keep_best
from keras_hybrid.train.evaluate import evaluate, scorer
from keras_hybrid.train.hold_out import load_images, save_manifest
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.run_card import make_card
from keras_hybrid.train.run_report import write_report
from keras_hybrid.train.summarize_test import summarize_test
from keras_hybrid.train.workdir import SETTINGS, claim, complete_card
from keras_hybrid.utils.card import read_card, write_card
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
    metrics, probabilities = evaluate(
        scorer(joint, recipe.selection.tta), dataset.test, recipe.data.ordinal
    )
    metrics |= _spread([card["metrics"] for card in cards])
    card = make_card(chosen.replace(fold=None), dataset, images, joint, metrics)
    card |= summarize_test(dataset, probabilities, recipe.data.ordinal)
    write_report(directory / "report.html", card, [], dataset.test, probabilities)
    write_card(card, directory / "card.json")  # last: a run with a card is complete
    return read_card(directory / "card.json")


def _begin(
    recipe: Recipe, directory: pathlib.Path
) -> tuple[Recipe, str, dict[str, Any] | None]:
    """Claims the workdir; returns the recipe, the fingerprint and a complete card."""
    dataset = load_images(choose_before_loading(recipe))
    recipe = choose_keep_best(recipe, dataset)
    images = dataset.fingerprint()
    card = complete_card(recipe, directory, images)
    if not card:
        claim(recipe, directory, images)
        save_manifest(recipe.replace(validation_split=0.0), directory, dataset)
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
