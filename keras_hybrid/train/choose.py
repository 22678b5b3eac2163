"""Chooses the settings that a recipe leaves open, from the images."""

import pathlib
import statistics
from typing import Any

from keras_hybrid import models
from keras_hybrid.data.dataset import Dataset
from keras_hybrid.data.image_shapes import sample_sizes
from keras_hybrid.data.scan_folder import list_images
from keras_hybrid.models.checkpoints import resolve
from keras_hybrid.train.hold_out import first_split_indices, split_indices
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.recipe_groups import DEFAULT_MINUTES
from keras_hybrid.train.tasks import get_task
from keras_hybrid.train.workdir import SETTINGS
from keras_hybrid.weights import list_published
from keras_hybrid.weights.resolver import IMAGENET

MODEL = "resnet9"
"""What `--model auto` trains from scratch; see docs, little data."""
PRETRAINED = "convit_tiny"
"""The model of `--weights imagenet` with `--model auto`, the smallest one."""
SIZES = (32, 64, 96)
"""Image sizes to choose from for a folder, in pixels."""


def choose_before_loading(recipe: Recipe) -> Recipe:
    """Fills in the settings with which the images are loaded."""
    return choose_image_size(choose_model_of_weights(recipe))


def choose_model_of_weights(recipe: Recipe) -> Recipe:
    """Fills in the model that published weights belong to.

    Raises:
        ValueError: If the weights may be of any model.
    """
    weights = recipe.network.weights
    if not weights or recipe.network.model != "auto":
        return recipe
    models_of = {row.name: row.variant for row in list_published()}
    models_of[IMAGENET] = PRETRAINED
    if weights not in models_of:
        raise ValueError(f"--weights {weights} may be of any model: give --model.")
    _say("model", models_of[weights], f"--weights is {weights}")
    return recipe.replace(model=models_of[weights])


def choose_image_size(recipe: Recipe) -> Recipe:
    """Fills in the image size of a folder.

    It is that of the pretrained weights, if it is known, or else that of `SIZES` which
    is nearest by ratio to the median side of the files: to the short side, or to the
    long one where images are padded.
    """
    data, folder = recipe.data, recipe.runtime.data_dir
    if data.dataset != "folder" or data.image_size is not None or not folder:
        return recipe
    network = recipe.network
    if network.weights:
        found = resolve(network.weights, models.get(network.model).name).image_size
        known = [side for side in found or () if side]
        if known:
            _say("image-size", min(known), "the weights were trained at it")
            return recipe.replace(image_size=min(known))
    files = list_images(pathlib.Path(folder), recipe.runtime.manifest).images
    side, which = (max, "long") if data.fit == "pad" else (min, "short")
    sides = [side(size) for size in sample_sizes(files)]
    middle = statistics.median(sides) if sides else SIZES[-1]
    size = min(SIZES, key=lambda x: max(x / middle, middle / x))
    _say("image-size", size, f"the files have {middle:.0f} pixels on the {which} side")
    return recipe.replace(image_size=size)


def is_open(recipe: Recipe) -> bool:
    """Whether `choose_settings` has something to choose."""
    settings = recipe.optimization
    no_time = not settings.epochs and settings.minutes is None
    chosen_later = recipe.network.model, recipe.selection.keep_best
    return "auto" in chosen_later or not settings.batch_size or no_time


def choose_settings(recipe: Recipe, dataset: Dataset) -> Recipe:
    """Fills in model, batch size, time and what to keep, by the images."""
    settings = recipe.optimization
    changes: dict[str, Any] = {}
    images = len(split_indices(recipe, dataset.train)[0])
    side = min(dataset.train.images.shape[1:3])
    if recipe.network.model == "auto":
        changes["model"] = MODEL
        _say("model", MODEL, "a small network learns most from few images in minutes")
        if side >= 64 and not recipe.network.model_options:
            stride = f"stem_stride={side // 32}"
            changes["model_options"] = (stride,)
            _say("model-options", stride, f"images have {side} pixels")
    if not settings.batch_size:
        size = batch_size(images)
        if recipe.augmentation.mixes:  # in pairs
            size = max(size // 2 * 2, 2)
        changes["batch_size"] = size
        _say("batch-size", changes["batch_size"], f"there are {images:,} images")
    if not settings.epochs and settings.minutes is None:
        changes["minutes"] = DEFAULT_MINUTES
        _say("minutes", DEFAULT_MINUTES, "neither --epochs nor --minutes is given")
    return choose_keep_best(recipe.replace(**changes), dataset)


def fit_batch_size(recipe: Recipe, dataset: Dataset) -> Recipe:
    """Lowers the batch size to the number of training images, if these are fewer."""
    images = len(split_indices(recipe, dataset.train)[0])
    if recipe.augmentation.mixes:  # in pairs
        images = images // 2 * 2
    if not 0 < images < recipe.optimization.batch_size:
        return recipe
    _say("batch-size", images, "there are no more training images")
    return recipe.replace(batch_size=images)


def choose_keep_best(recipe: Recipe, dataset: Dataset) -> Recipe:
    """Fills in what to keep, see `Task.choose_keep_best`.

    A run that is in the workdir goes on as it began.
    """
    if recipe.selection.keep_best != "auto":
        return recipe
    begun = recipe.directory / SETTINGS
    if begun.exists() and not recipe.runtime.overwrite:
        found = Recipe.read(begun).selection.keep_best
        if found != "auto":
            return recipe.replace(keep_best=found)
    indices = first_split_indices(recipe, dataset.train)
    chosen, why = get_task(recipe.data.task).choose_keep_best(dataset, *indices)
    if why:
        _say("keep-best", chosen, why)
    return recipe.replace(keep_best=chosen)


def batch_size(images: int) -> int:
    """About 40 steps per epoch, with 16 to 128 images each."""
    size = 16
    while size < 128 and images / size > 60:
        size *= 2
    return min(size, max(images, 1))


def _say(option: str, value: Any, why: str) -> None:
    print(f"--{option} {value}: {why}.")
