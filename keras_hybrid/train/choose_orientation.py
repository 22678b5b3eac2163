"""Chooses flips and rotations by a test of the training images."""

import pathlib
from typing import Any

from keras_hybrid.data import Dataset
from keras_hybrid.data.targets import CLASSIFICATION
from keras_hybrid.train.hold_out import first_split_indices
from keras_hybrid.train.orientation import FILE, MOST_IMAGES, look_at_orientation
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.workdir import SETTINGS
from keras_hybrid.utils.card import read_card, write_card

FIELDS = ("orientation", "horizontal_flip", "vertical_flip", "rotation")
"""The settings that are chosen."""
_PER_SECOND = 4  # images tested per second of the run: about 2 % of its time


def choose_orientation(
    recipe: Recipe, dataset: Dataset
) -> tuple[Recipe, dict[str, Any] | None]:
    """Fills in flips and rotations, if the recipe has `orientation="tested"`.

    A flip that is off stays off, and rotations that are given stay. A run that is in
    the workdir goes on as it began.

    Returns:
        The recipe; and `Orientation.as_dict`, None if nothing was tested.
    """
    given, directory = recipe.augmentation, recipe.directory
    if given.orientation == "given":
        return recipe, None
    recipe = recipe.replace(orientation="given")
    if (directory / FILE).exists() and not recipe.runtime.overwrite:
        begun = Recipe.read(directory / SETTINGS).augmentation
        fields = {name: getattr(begun, name) for name in FIELDS}
        return recipe.replace(**fields), read_card(directory / FILE)
    if dataset.task != CLASSIFICATION:
        print(f"Flips and rotations are as given; {dataset.task} has no test of them.")
        return recipe, None
    training, _ = first_split_indices(recipe, dataset.train)
    budget = recipe.optimization.budget
    most = min(MOST_IMAGES, int(_PER_SECOND * budget)) if budget else MOST_IMAGES
    split = dataset.train.select(training)
    found = look_at_orientation(split, dataset.class_names, most)
    if found is None:
        print("Flips and rotations are as given; the images are too few to test them.")
        return recipe, None
    print(f"Orientation: {found.text}.")
    if given.horizontal_flip and not found.mirror:
        print(f"--no-horizontal-flip: {found.reason}.")
        recipe = recipe.replace(horizontal_flip=False)
    turns = given.vertical_flip or given.rotation
    if given.horizontal_flip and found.no_up and not turns:
        print("--vertical-flip --rotation 180: images have no up.")
        recipe = recipe.replace(vertical_flip=True, rotation=180.0)
    return recipe, found.as_dict()


def save_orientation(directory: pathlib.Path, found: dict[str, Any] | None) -> None:
    """Writes what the test found beside the settings of the run."""
    if found:
        write_card(found, directory / FILE)


def orientation_entry(directory: pathlib.Path) -> dict[str, Any]:
    """The entry `orientation` of a card, if the run has tested it."""
    file = directory / FILE
    return {"orientation": read_card(file)} if file.exists() else {}
