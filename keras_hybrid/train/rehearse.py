"""The end of a run, tried before its first epoch: an error then costs no hours."""

import dataclasses
import pathlib
import time
from typing import Any

import keras
import numpy as np

from keras_hybrid.data import Dataset, Evaluation, Split
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.room import check_room
from keras_hybrid.train.tasks import get_task
from keras_hybrid.train.write_results import Trained, write_results
from keras_hybrid.utils.errors import first_line
from keras_hybrid.utils.files import PARTIAL, DiskFull
from keras_hybrid.utils.work_folder import work_folder

IMAGES = 4
"""Images of each split in the rehearsal, at most."""
EARLIEST = 1980
"""The first year of the dates in zip archives, of which .keras and .npz files are."""
GROWTH = 2
"""How much larger the results of all images are than those of these, at most."""


class _Guess:
    """Stands for a trained network, and guesses.

    Args:
        outputs: Number of outputs.
    """

    def __init__(self, outputs: int):
        self.output_shape = (None, outputs)

    def predict(self, images: Evaluation, **_: Any) -> np.ndarray:
        """Random outputs for all batches, none of which is read."""
        shape = images.num_batches * images.batch_size, self.output_shape[-1]
        return np.random.default_rng(0).standard_normal(shape)


def rehearse(
    recipe: Recipe,
    directory: pathlib.Path,
    dataset: Dataset,
    model: keras.Model,
    validation: Split | None,
) -> None:
    """Writes the results of an imagined test, with the real names and some images.

    They are written beside the files of the run, by the function that writes them at
    its end, and deleted.

    Args:
        recipe: The settings.
        directory: The workdir, which exists.
        dataset: The images and classes.
        model: The model before training.
        validation: The images held out of the training; None if there are none.

    Raises:
        ValueError: If something cannot be written, or the disk has too little room.
    """
    if time.localtime().tm_year < EARLIEST:
        raise ValueError(
            f"The clock of this machine says {time.localtime().tm_year}, a year that "
            "archives of weights cannot hold: set it."
        )
    check_room(directory, model, recipe)
    task = get_task(recipe.data.task)
    few = dataclasses.replace(
        dataset, train=_some(dataset.train), test=_some(dataset.test)
    )
    epochs = [{"epoch": 1, "loss": 1.0, task.measure: 0.5}]
    imagined = Trained(
        recipe,
        few,
        "",
        model,
        _Guess(len(dataset.class_names)),
        validation and _some(validation),
        epochs,
        {"epochs": 1},
    )
    try:
        model.to_json()
        results = GROWTH * _size_of_results(imagined, directory)
    except DiskFull as error:
        raise ValueError(
            f"{directory} cannot hold the results of this run: {error.__cause__}; make "
            "room, or choose another --workdir."
        ) from error
    except Exception as error:  # of files, figures, tasks and layers of users
        raise ValueError(
            f"{directory}: the results of this run could not be written after "
            f"training: {type(error).__name__}: {first_line(error)}"
        ) from error
    check_room(directory, model, recipe, results)


def _size_of_results(imagined: Trained, directory: pathlib.Path) -> int:
    """Bytes of the results, which are written and deleted."""
    with work_folder(directory, PARTIAL) as folder:
        part = folder / directory.resolve().name
        part.mkdir()
        write_results(imagined, part)
        return sum(x.stat().st_size for x in part.iterdir())


def _some(split: Split) -> Split:
    """Images spread over a split."""
    indices = np.linspace(0, len(split) - 1, min(IMAGES, len(split)))
    return split.select(indices.astype(int))
