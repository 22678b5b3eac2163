"""Training on all images, for as many epochs as were best without some of them."""

import pathlib
from collections.abc import Callable
from typing import Any

from keras_hybrid.train.choose_orientation import FIELDS
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.workdir import SETTINGS, refit_of


def refitted(recipe: Recipe, train: Callable[[Recipe], dict[str, Any]]) -> Recipe:
    """The recipe for all images, after a run that held some out, beside the workdir.

    Args:
        recipe: The settings, with `refit`.
        train: Trains by the recipe of the run that holds images out and returns its
            card.
    """
    directory = recipe.directory
    done = refit_of(recipe, directory)
    searched = recipe.replace(
        refit=False,
        workdir=str(directory.with_name(f"{directory.name}-search")),
        minutes=recipe.optimization.shared_minutes(2),
    )
    if done:
        _check_epochs(recipe, searched.directory)
        return done
    print(f"Looking for the best number of epochs in {searched.directory}.")
    card = train(searched)
    found = card["metrics"]
    epochs = int(found.get("kept_epoch", found["epochs"]))
    print(f"Training on all images for {epochs} epochs.")
    chosen = Recipe.read(searched.directory / SETTINGS)
    warmup = recipe.optimization.warmup_epochs
    return recipe.replace(
        validation_split=0.0,
        **{name: getattr(chosen.augmentation, name) for name in FIELDS},
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


def _check_epochs(recipe: Recipe, directory: pathlib.Path) -> None:
    """Refuses another number of epochs than the search had, if it is still there."""
    if not (directory / SETTINGS).exists():
        return
    epochs = Recipe.read(directory / SETTINGS).optimization.epochs
    if epochs != recipe.optimization.epochs:
        raise ValueError(
            f"{directory} holds a search over {epochs} epochs, not "
            f"{recipe.optimization.epochs}: choose another --workdir, or --overwrite "
            "the run."
        )
