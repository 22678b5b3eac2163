"""`card.json`: what a trained model is and how it was made."""

import dataclasses
import math
import platform
from typing import Any

import keras

from keras_hybrid import __version__
from keras_hybrid.data import TRAINING_RESIZE, Dataset, describe_preprocessing
from keras_hybrid.models import get, normalization
from keras_hybrid.train.recipe import IMAGES, Recipe
from keras_hybrid.train.tasks import get_task
from keras_hybrid.utils.backend import backend_version
from keras_hybrid.utils.git import revision


def make_card(
    recipe: Recipe,
    dataset: Dataset,
    images: str,
    model: keras.Model,
    metrics: dict[str, float],
) -> dict[str, Any]:
    """Everything that is needed to use, judge and repeat a trained model.

    Args:
        recipe: The settings.
        dataset: The images and classes.
        images: `Dataset.fingerprint` of the images, which takes long to compute.
        model: The trained model.
        metrics: Its metrics.
    """
    preprocessing = dataclasses.asdict(get(recipe.network.model).family.preprocessing)
    if known := normalization(model):  # that of its weights
        preprocessing |= dict(zip(("mean", "std"), known, strict=True))
    levels = dataset.pixel_range
    deep = {"pixel_range": [levels.low, levels.high]} if levels else {}
    card = {
        "model": recipe.network.model,
        "parameters": sum(math.prod(v.shape) for v in model.trainable_variables),
        "input_shape": list(model.input_shape[1:]),
        "preprocessing": describe_preprocessing(
            preprocessing | TRAINING_RESIZE | {"fit": recipe.data.fit} | deep
        ),
        "tta": recipe.selection.tta,
        "task": dataset.task,
        **get_task(dataset.task).facts(model, dataset.class_names),
        "metrics": metrics,
        "seed": recipe.optimization.seed,
        "recipe": recipe.settings(),
        "recipe_hash": recipe.hash(),
        "dataset": dataset.name,
        IMAGES: images,
        "versions": versions(),
        "git_revision": revision(),
    }
    if dataset.corrected is not None:
        card["corrections"] = dict(dataset.corrected)
    return card


def versions() -> dict[str, str]:
    """Versions of Python, Keras, the backend and this package."""
    backend = keras.backend.backend()
    return {
        "keras_hybrid": __version__,
        "keras": keras.__version__,
        backend: backend_version(backend),
        "python": platform.python_version(),
    }
