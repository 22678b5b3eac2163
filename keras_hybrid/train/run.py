"""A run, from its recipe to the trained model on disk; a stopped run continues."""

import contextlib
import json
import pathlib
import shutil
from typing import Any

import keras
import numpy as np

from keras_hybrid import models
from keras_hybrid.data import Dataset, Split, balanced_split, load, per_class_split
from keras_hybrid.train.choose import choose_image_size, choose_settings, is_open
from keras_hybrid.train.curves import plot_curves
from keras_hybrid.train.devices import Devices, plan
from keras_hybrid.train.evaluate import evaluate
from keras_hybrid.train.fit import CallbackFactory, fit
from keras_hybrid.train.load_pretrained import load_pretrained
from keras_hybrid.train.metrics_logger import read_metrics, summary
from keras_hybrid.train.multiprocess import barrier, process_index
from keras_hybrid.train.recipe import Recipe, result_fields
from keras_hybrid.train.remat import remat_scheduler
from keras_hybrid.train.run_card import make_card
from keras_hybrid.train.run_report import write_report
from keras_hybrid.utils.card import read_card, write_card
from keras_hybrid.utils.files import is_partial, write_atomically


def run(recipe: Recipe, callbacks: CallbackFactory | None = None) -> dict[str, Any]:
    """Trains, tests once, and writes the files of the run to `recipe.directory`.

    These are `model.keras`, `metrics.jsonl`, `curves.png`, `report.html` and, last of
    all, `card.json`. A stopped run continues after its last finished epoch. A complete
    run is only read. Of several processes, the first one writes.

    Args:
        recipe: The settings.
        callbacks: Returns more callbacks for `model.fit`; see `fit`.

    Returns:
        The card.

    Raises:
        ValueError: If the workdir holds a run of other settings.
        TrainingDiverged: If the loss becomes NaN or infinite.
    """
    # The flags come before anything that JAX computes
    scheduler = remat_scheduler if recipe.runtime.remat else contextlib.nullcontext
    with scheduler():
        return _run(recipe, recipe.directory, callbacks)


def _run(
    recipe: Recipe, directory: pathlib.Path, callbacks: CallbackFactory | None
) -> dict[str, Any]:
    keras.utils.set_random_seed(recipe.optimization.seed)
    recipe = choose_image_size(recipe)
    dataset = None
    if is_open(recipe):
        dataset = _load(recipe)
        recipe = choose_settings(recipe, dataset)
    devices = plan(recipe)
    if _is_complete(recipe, directory):
        print(f"{directory} holds this run, complete; --overwrite repeats it.")
        return read_card(directory / "card.json")
    dataset = dataset or _load(recipe)
    training, validation = make_splits(recipe, dataset)
    with devices.scope():
        model = _build(recipe, dataset)
        barrier()  # every process has looked into the workdir
        if process_index() == 0:
            _claim(recipe, directory)  # only now, so that bad settings leave no files
        barrier()
        network = models.logits(model)
        fit(recipe, directory, network, training, validation, devices, callbacks)
    if process_index() == 0:
        _finish(recipe, directory, dataset, model, devices)
    barrier()
    return read_card(directory / "card.json")


def _load(recipe: Recipe) -> Dataset:
    data, runtime = recipe.data, recipe.runtime
    return load(data.dataset, runtime.data_dir, data.image_size, runtime.corrupt)


def _is_complete(recipe: Recipe, directory: pathlib.Path) -> bool:
    """Whether the workdir holds this run, complete; raises if it holds another run."""
    settings = directory / "recipe.json"
    if not settings.exists():
        left = directory.iterdir() if directory.exists() else ()
        if not all(is_partial(path) for path in left):
            raise ValueError(
                f"{directory} holds other files and no run; choose another --workdir."
            )
        return False
    if recipe.runtime.overwrite:
        return False
    found = result_fields(json.loads(settings.read_text()))
    wanted = result_fields(recipe.as_dict())
    changed = [
        f"{key} {found.get(key)!r} -> {wanted.get(key)!r}"
        for key in sorted(found.keys() | wanted.keys())
        if found.get(key) != wanted.get(key)
    ]
    if changed:
        raise ValueError(
            f"{directory} holds a run of other settings ({'; '.join(changed)}). "
            "Choose another --workdir, or --overwrite it."
        )
    return (directory / "card.json").exists()


def _claim(recipe: Recipe, directory: pathlib.Path) -> None:
    """Creates the workdir with its `recipe.json`; empties it for `--overwrite`."""
    settings = directory / "recipe.json"
    directory.mkdir(parents=True, exist_ok=True)
    if recipe.runtime.overwrite and settings.exists():
        # if killed here, the folder still has a recipe.json and counts as a run
        others = [path for path in directory.iterdir() if path != settings]
        for path in sorted(others, key=lambda path: path.name != "card.json"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    write_card(recipe.as_dict(), settings)


def make_splits(recipe: Recipe, dataset: Dataset) -> tuple[Split, Split | None]:
    """The training images, and the validation images held out of them."""
    labels = dataset.train.labels
    seed = recipe.optimization.seed
    if recipe.data.per_class:
        used, _ = per_class_split(labels, recipe.data.per_class, seed)
    else:
        used, _ = balanced_split(labels, recipe.data.fraction, seed)
    if not recipe.data.validation_split:
        return dataset.train.select(used).load_into_memory(), None
    held_out, rest = balanced_split(labels[used], recipe.data.validation_split, seed)
    # A class with one image keeps it for training.
    lost = ~np.isin(labels[used[held_out]], labels[used[rest]])
    rest, held_out = np.sort([*rest, *held_out[lost]]), held_out[~lost]
    training = dataset.train.select(used[rest]).load_into_memory()
    if not len(held_out):
        return training, None
    return training, dataset.train.select(used[held_out]).load_into_memory()


def _build(recipe: Recipe, dataset: Dataset) -> keras.Model:
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.optimization.precision)
    try:
        model = models.get(recipe.network.model).builder(
            input_shape=dataset.train.images.shape[1:],
            classes=len(dataset.class_names),
            **recipe.network.arguments(),
        )
    finally:
        keras.config.set_dtype_policy(policy)
    weights = recipe.network.weights
    return load_pretrained(model, weights) if weights else model


def _finish(
    recipe: Recipe,
    directory: pathlib.Path,
    dataset: Dataset,
    model: keras.Model,
    devices: Devices,
) -> None:
    """Saves and tests the trained model, and writes the files of the run."""
    write_atomically(directory / "model.keras", model.save)
    if devices.several:  # the test runs on one device
        model = keras.models.load_model(directory / "model.keras", compile=False)
    metrics, probabilities = evaluate(
        models.logits(model), dataset.test, recipe.data.ordinal
    )
    epochs = read_metrics(directory)
    metrics |= summary(epochs)
    card = make_card(recipe, dataset, model, metrics) | {"devices": devices.facts()}
    plot_curves(epochs, directory / "curves.png", directory.name)
    write_report(directory / "report.html", card, epochs, dataset.test, probabilities)
    write_card(card, directory / "card.json")  # last: a run with a card is complete
    (directory / "checkpoint.npz").unlink(missing_ok=True)
