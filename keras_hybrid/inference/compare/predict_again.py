"""Predictions of a run that has not saved any: its model and images, tested again."""

import pathlib
from typing import Any

from keras_hybrid.models.keras_file import load_keras
from keras_hybrid.train.evaluate import averaged
from keras_hybrid.train.hold_out import load_images
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.run_data import data_changes
from keras_hybrid.train.saved_predictions import save_predictions
from keras_hybrid.train.tasks import get_task
from keras_hybrid.train.workdir import SETTINGS
from keras_hybrid.utils.card import read_card


def predict_again(directory: pathlib.Path, card: dict[str, Any]) -> None:
    """Writes `test_predictions.npz` into the folder of a run.

    Args:
        directory: The folder, with `model.keras` and `recipe.json`.
        card: The card of the run.

    Raises:
        FileNotFoundError: If the model or the images are gone.
        ValueError: If the images are not those of the run.
    """
    settings = directory / SETTINGS
    chosen = directory / "fold1" / SETTINGS  # of folds, with what was chosen
    recipe = Recipe.read(chosen if chosen.exists() else settings)
    dataset = load_images(recipe)
    root = recipe.runtime.data_dir
    if changes := data_changes(read_card(settings), dataset, directory, root):
        raise ValueError(
            f"{directory} cannot be tested again, since its images have changed: "
            f"{'; '.join(changes)}."
        )
    task = get_task(recipe.data.task)
    model = load_keras(directory / "model.keras")
    network = task.trained(averaged(model, card.get("tta", "none")))
    _, outputs = task.evaluate(recipe, network, dataset.test, card)
    save_predictions(directory, dataset, outputs)
