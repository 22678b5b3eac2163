"""All that comes before the training: the images, the model, and every check."""

import dataclasses
import pathlib

import keras

from keras_hybrid import models
from keras_hybrid.data import Dataset, Split
from keras_hybrid.data.batches import check_batch_size
from keras_hybrid.train.added_rows import load_earlier
from keras_hybrid.train.choose import (
    choose_before_loading,
    choose_settings,
    fit_batch_size,
    is_open,
)
from keras_hybrid.train.devices import Devices
from keras_hybrid.train.earlier_run import EarlierRun
from keras_hybrid.train.evaluate import check_tta
from keras_hybrid.train.freeze import frozen_layers
from keras_hybrid.train.hold_out import load_images, make_splits
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.rehearse import rehearse
from keras_hybrid.train.tasks import get_task
from keras_hybrid.train.train_size import check_train_sizes


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What a training begins with.

    Attributes:
        training: Images to learn from.
        validation: Images held out of them; None if there are none.
        model: The model as it will be saved.
        network: The network that is trained, see `Task.trained`.
    """

    training: Split
    validation: Split | None
    model: keras.Model
    network: keras.Model


def load_for(recipe: Recipe) -> tuple[Recipe, Dataset]:
    """The recipe without open settings, and its images; sets the seed."""
    keras.utils.set_random_seed(recipe.optimization.seed)
    recipe = choose_before_loading(recipe)
    dataset = load_images(recipe)
    if is_open(recipe):
        recipe = choose_settings(recipe, dataset)
    return fit_batch_size(recipe, dataset), dataset


def prepare(
    recipe: Recipe, directory: pathlib.Path, dataset: Dataset, devices: Devices
) -> Prepared:
    """Builds the model in the scope of the devices, and tries the end of the run.

    Args:
        recipe: The settings, none of them open.
        directory: The workdir, which exists.
        dataset: The images.
        devices: Where to compute.

    Raises:
        ValueError: If settings, images and model do not go together, or the results
            could not be written.
    """
    training, validation = make_splits(recipe, dataset)
    settings = recipe.optimization
    check_batch_size(settings.batch_size, len(training), recipe.augmentation)
    task = get_task(recipe.data.task)
    for line in task.notes(recipe, training, dataset.class_names):
        print(line, flush=True)
    with devices.scope():
        model = build(recipe, dataset)
        check_tta(model, recipe.selection.tta)
        frozen_layers(model, recipe.fine_tuning.freeze)  # or ValueError
        check_train_sizes(settings, models.logits(model), recipe.network.model)
        network = task.trained(model)
    rehearse(recipe, directory, dataset, model, validation)
    return Prepared(training, validation, model, network)


def build(recipe: Recipe, dataset: Dataset) -> keras.Model:
    """The model of a recipe for a dataset."""
    task, policy = get_task(recipe.data.task), keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.optimization.precision)
    try:
        model = models.get(recipe.network.model).builder(
            weights=recipe.network.weights,
            input_shape=dataset.train.images.shape[1:],
            classes=len(dataset.class_names),
            classifier_activation=task.activation,
            **recipe.network.arguments(),
        )
        if earlier := recipe.fine_tuning.earlier_run:
            load_earlier(model, EarlierRun.read(earlier))
        return task.complete(model, dataset)
    finally:
        keras.config.set_dtype_policy(policy)
