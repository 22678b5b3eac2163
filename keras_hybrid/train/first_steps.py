"""The compiled network of a recipe and its batches, for steps that are not kept."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Iterator

import keras

from keras_hybrid.data import Batches, Dataset
from keras_hybrid.train.added_rows import add_classes
from keras_hybrid.train.augmented import Augmented
from keras_hybrid.train.choose_orientation import choose_orientation
from keras_hybrid.train.compiled import (
    compile_network,
    make_batches,
    make_schedule,
    resize,
    step_forms,
)
from keras_hybrid.train.devices import plan
from keras_hybrid.train.fit import check_executions
from keras_hybrid.train.freeze import frozen
from keras_hybrid.train.lora import lora
from keras_hybrid.train.multiprocess import is_one_of_several
from keras_hybrid.train.packages import require_packages
from keras_hybrid.train.prepare import Prepared, load_for, prepare
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.remat import remat_scheduler
from keras_hybrid.train.schedule import ProgressSchedule
from keras_hybrid.train.speed_trial.choice import AUTO, FLOAT32
from keras_hybrid.train.train_size import train_size
from keras_hybrid.train.workdir import recipe_to_go_on
from keras_hybrid.utils.lock import lock_folder


@dataclasses.dataclass(frozen=True)
class FirstSteps:
    """What steps are taken with.

    Attributes:
        recipe: The settings, none of them open, for one device.
        dataset: The images.
        ready: The images of the training, and the network.
        batches: The stream of training batches.
        model: The compiled network, for images of the size of the last epochs.
        schedule: The learning rate over the run.
    """

    recipe: Recipe
    dataset: Dataset
    ready: Prepared
    batches: Batches
    model: Augmented
    schedule: ProgressSchedule


@contextlib.contextmanager
def first_steps(
    recipe: Recipe,
    directory: pathlib.Path,
    option: str,
    check: Callable[[Recipe, Dataset], object],
    learning_rate: float | None = None,
) -> Iterator[FirstSteps]:
    """Prepares a run as far as its first step, on one device.

    Args:
        recipe: The settings.
        directory: A folder, which is locked, and removed if it stays empty.
        option: What asks for it, for messages.
        check: Called with the recipe, none of whose settings are open, and the images,
            before the model is built.
        learning_rate: A fixed learning rate; None means that of the run.

    Raises:
        ValueError: If the settings need several networks or processes, or as `prepare`.
        ImportError: If a package is missing.
    """
    check_single(recipe, option)
    require_packages(recipe)
    scheduler = remat_scheduler if recipe.runtime.remat else contextlib.nullcontext
    with scheduler(), lock_folder(directory):
        recipe, dataset = load_for(_untimed(recipe, option))
        recipe, _ = choose_orientation(recipe, dataset)
        check(recipe, dataset)
        together = recipe.optimization.steps_per_execution
        one = recipe.replace(devices=1, model_parallel=1, steps_per_execution=1)
        ready = prepare(one, directory, dataset, plan(one))
        network, settings, tuning = ready.network, one.optimization, one.fine_tuning
        training = ready.training
        if tuning.earlier_run:
            training = add_classes(network, training, tuning.earlier_run)
        with frozen(network, tuning.freeze), lora(network, tuning.lora_rank):
            batches = make_batches(one, training, network.output_shape[-1])
            check_executions(batches.steps_per_epoch, together)
            schedule = make_schedule(one, batches.steps_per_epoch)
            rate = schedule if learning_rate is None else learning_rate
            model = compile_network(one, network, batches, rate)
            resize(model, train_size(settings, network))
            with step_forms(settings):
                yield FirstSteps(one, dataset, ready, batches, model, schedule)
    keras.backend.clear_session()


def _untimed(recipe: Recipe, option: str) -> Recipe:
    """The recipe with float32 for a precision that a run would choose; a line says so.

    A run that was begun has chosen.
    """
    if recipe.optimization.precision != AUTO:
        return recipe
    found = recipe_to_go_on(recipe)
    precision = found.optimization.precision if found else FLOAT32
    if precision == AUTO:
        precision = FLOAT32
    print(f"--precision auto: {option} takes {precision}; the run chooses.")
    return recipe.replace(precision=precision)


def check_single(recipe: Recipe, option: str) -> None:
    """Refuses settings with which there is not one network in one process.

    Raises:
        ValueError: If they are such; the line says what to give instead.
    """
    if recipe.data.folds and recipe.data.fold is None:
        raise ValueError(f"{option} takes one network: give --fold 1, too.")
    if recipe.selection.refit:
        raise ValueError(f"{option} takes one network: leave out --refit.")
    if is_one_of_several():
        raise ValueError(f"{option} takes one process.")
