"""The images of a run: which it trains on, and which it holds out for validation."""

import pathlib

import numpy as np

from keras_hybrid.data import (
    Dataset,
    Split,
    balanced_split,
    grouped_folds,
    grouped_split,
    load,
    per_class_split,
    stratified_folds,
    write_manifest,
)
from keras_hybrid.data.manifest import FILE as MANIFEST
from keras_hybrid.data.targets import get_targets
from keras_hybrid.train.added_classes import with_earlier_classes
from keras_hybrid.train.earlier_run import EarlierRun
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.utils.errors import first_line


def load_images(recipe: Recipe) -> Dataset:
    """The dataset of a recipe."""
    data, runtime = recipe.data, recipe.runtime
    dataset = load(
        data.dataset,
        runtime.data_dir,
        data.image_size,
        runtime.corrupt,
        fit=data.fit,
        manifest=runtime.manifest,
        corrections=runtime.corrections,
        group_by=data.group_by,
        task=data.task,
        pixel_range=data.pixel_range,
    )
    if data.class_range:
        dataset = dataset.select_classes(*data.class_range)
    if recipe.fine_tuning.earlier_run:
        earlier = EarlierRun.read(recipe.fine_tuning.earlier_run)
        names = earlier.class_names
        dataset = with_earlier_classes(dataset, names, earlier_images(earlier))
    return dataset


def earlier_images(earlier: EarlierRun) -> Dataset | None:
    """The images of an earlier run; if they are gone, a line says so."""
    manifest = earlier.directory / MANIFEST
    recipe = earlier.recipe
    if manifest.exists():
        # its labels are corrected already
        recipe = recipe.replace(manifest=str(manifest), corrections=None)
    try:
        return load_images(recipe)
    except (OSError, ValueError) as error:
        print(f"The images of {earlier.directory} are not there: {first_line(error)}")
        return None


def make_splits(recipe: Recipe, dataset: Dataset) -> tuple[Split, Split | None]:
    """The training images, and the validation images held out of them.

    Raises:
        ValueError: If the recipe needs validation images and there are none.
    """
    training, held_out = split_indices(recipe, dataset.train)
    selection = recipe.selection
    needed = selection.keeps_best or selection.calibrate
    if needed and not len(held_out):
        raise ValueError(
            "--keep-best and --calibrate need validation images, and none can be held "
            f"out of {len(training)} training images: give --validation-split more, or "
            "leave these options out. A class with one image keeps it."
        )
    images = dataset.train.select(training).load_into_memory()
    if not len(held_out):
        return images, None
    return images, dataset.train.select(held_out).load_into_memory()


def split_indices(recipe: Recipe, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the training images and of the validation images, both ascending.

    Validation images that are given are taken, unless the recipe wants folds or none.

    Args:
        recipe: The settings.
        split: All images to train on, and their groups, which are not torn apart.

    Raises:
        ValueError: If there are fewer images, or groups, than folds.
    """
    data, seed = recipe.data, recipe.optimization.seed
    strata = get_targets(data.task).strata(split.labels)
    if data.per_class:
        used, _ = per_class_split(strata, data.per_class, seed)
    else:
        used, _ = balanced_split(strata, data.fraction, seed)
    labels = strata[used]
    groups = None if split.groups is None else split.groups[used]
    if data.folds:
        _check_folds(data.folds, len(used), groups)
    if data.fold is not None:
        if groups is None:
            folds = stratified_folds(labels, data.folds, seed)
        else:
            folds = grouped_folds(labels, groups, data.folds, seed)
        out = folds == data.fold - 1
        return used[~out], used[out]
    if split.held_out is not None and data.validation_split:
        out = split.held_out[used]
        held_out, rest = np.flatnonzero(out), np.flatnonzero(~out)
    elif groups is not None and data.validation_split:
        held_out, rest = grouped_split(labels, groups, data.validation_split, seed)
    else:
        held_out, rest = balanced_split(labels, data.validation_split, seed)
    # A class with one image keeps it for training.
    lost = ~np.isin(labels[held_out], labels[rest])
    rest, held_out = np.sort([*rest, *held_out[lost]]), held_out[~lost]
    return used[rest], used[held_out]


def first_split_indices(recipe: Recipe, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """As `split_indices`; of folds that are all trained, those of the first."""
    if recipe.data.folds and recipe.data.fold is None:
        recipe = recipe.replace(fold=1)
    return split_indices(recipe, split)


def save_manifest(recipe: Recipe, directory: pathlib.Path, dataset: Dataset) -> None:
    """Writes `manifest.csv`, if the images are files of a folder."""
    if recipe.runtime.data_dir and dataset.train.paths is not None:
        root = pathlib.Path(recipe.runtime.data_dir)
        splits = split_indices(recipe, dataset.train)
        write_manifest(dataset, directory / MANIFEST, root, *splits)


def _check_folds(folds: int, images: int, groups: np.ndarray | None) -> None:
    if folds > images:
        raise ValueError(f"{images} training images do not fill {folds} folds.")
    if groups is not None and folds > (count := len(np.unique(groups))):
        raise ValueError(
            f"{count} groups do not fill {folds} folds: give --folds less."
        )
