"""The images of a run: which it trains on, and which it holds out for validation."""

import numpy as np

from keras_hybrid.data import (
    Dataset,
    Split,
    balanced_split,
    load,
    per_class_split,
    stratified_folds,
)
from keras_hybrid.train.recipe import Recipe


def load_images(recipe: Recipe) -> Dataset:
    """The dataset of a recipe."""
    data, runtime = recipe.data, recipe.runtime
    dataset = load(
        data.dataset, runtime.data_dir, data.image_size, runtime.corrupt, data.fit
    )
    return dataset.select_classes(*data.class_range) if data.class_range else dataset


def make_splits(recipe: Recipe, dataset: Dataset) -> tuple[Split, Split | None]:
    """The training images, and the validation images held out of them.

    Raises:
        ValueError: If the recipe needs validation images and there are none.
    """
    training, held_out = split_indices(recipe, dataset.train.labels)
    selection = recipe.selection
    needed = selection.keep_best != "none" or selection.calibrate
    if needed and not len(held_out):
        raise ValueError(
            "--keep-best and --calibrate need validation images, and none can be held "
            f"out of {len(training)} training images: give --validation-split more."
        )
    images = dataset.train.select(training).load_into_memory()
    if not len(held_out):
        return images, None
    return images, dataset.train.select(held_out).load_into_memory()


def split_indices(recipe: Recipe, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the training images and of the validation images, both ascending.

    Args:
        recipe: The settings.
        labels: Class numbers `(N,)` of all images.

    Raises:
        ValueError: If there are fewer images than folds.
    """
    data, seed = recipe.data, recipe.optimization.seed
    if data.per_class:
        used, _ = per_class_split(labels, data.per_class, seed)
    else:
        used, _ = balanced_split(labels, data.fraction, seed)
    if data.folds > len(used):
        raise ValueError(f"{len(used)} training images do not fill {data.folds} folds.")
    if data.fold is not None:
        out = stratified_folds(labels[used], data.folds, seed) == data.fold - 1
        return used[~out], used[out]
    held_out, rest = balanced_split(labels[used], data.validation_split, seed)
    # A class with one image keeps it for training.
    lost = ~np.isin(labels[used[held_out]], labels[used[rest]])
    rest, held_out = np.sort([*rest, *held_out[lost]]), held_out[~lost]
    return used[rest], used[held_out]
