"""A run that goes on for more epochs than it had."""

import pathlib
from collections.abc import Mapping
from typing import Any

from keras_hybrid.train.checkpoint import FILE, FORMER, damage_of
from keras_hybrid.train.metrics_logger import LOG, read_metrics
from keras_hybrid.train.recipe import Recipe


def may_be_longer(recipe: Recipe, found: Recipe) -> bool:
    """Whether a run of the settings `found` can go on to the epochs of `recipe`."""
    settings = recipe.optimization, found.optimization
    several = recipe.data.folds or recipe.selection.refit
    by_time = any(x.budget for x in settings)
    return not (several or by_time) and settings[0].epochs > settings[1].epochs


def is_shorter(card: Mapping[str, Any], recipe: Recipe, place: pathlib.Path) -> bool:
    """Whether the run of a card had fewer epochs than the recipe, which counts them.

    Args:
        card: The card.
        recipe: The recipe.
        place: The file of the card.

    Raises:
        ValueError: If the card is damaged.
    """
    try:
        epochs = int(card["recipe"]["optimization"]["epochs"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{place} is damaged: its recipe has no epochs; --overwrite "
            "repeats the run."
        ) from error
    return not recipe.optimization.budget and epochs < recipe.optimization.epochs


def check_state(card: Mapping[str, Any], directory: pathlib.Path) -> None:
    """Refuses a complete run that cannot go on.

    Args:
        card: Its card.
        directory: The workdir.

    Raises:
        ValueError: If it ended early, or its checkpoint is gone or damaged.
    """
    done = len(read_metrics(directory))
    planned = card["recipe"]["optimization"]["epochs"]
    log = directory / LOG
    lines = len(log.read_bytes().splitlines()) if log.exists() else 0
    if done < planned and (done < lines or not lines):
        raise ValueError(
            f"{log} has only the first {done} of {planned} epochs whole: "
            "put the file back, choose another --workdir, or --overwrite the run."
        )
    if done < planned:
        raise ValueError(
            f"{directory} ended early, after {done} of {planned} epochs, and would end "
            "there again: choose another --workdir, or --overwrite it."
        )
    states = [x for x in (directory / FILE, directory / FORMER) if x.exists()]
    if not states:
        raise ValueError(
            f"{directory} has no {FILE} from which it could go on: choose another "
            "--workdir, or --overwrite it."
        )
    damage = damage_of(states[0])
    if damage and all(map(damage_of, states[1:])):
        raise ValueError(
            f"{damage}; without it the run cannot go on: put the file back, choose "
            "another --workdir, or --overwrite the run."
        )
