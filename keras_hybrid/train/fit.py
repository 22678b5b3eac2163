"""Training: `model.fit` with the settings of a recipe, from the checkpoint on."""

import contextlib
import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence

import keras

from keras_hybrid.data import Evaluation, Split
from keras_hybrid.train.augmented import Augmented
from keras_hybrid.train.checkpoint import FILE, restore_state
from keras_hybrid.train.compiled import (
    compile_network,
    make_batches,
    make_schedule,
    resize,
    step_forms,
)
from keras_hybrid.train.devices import Devices
from keras_hybrid.train.keep_best import KeepBest
from keras_hybrid.train.metrics_logger import (
    MetricsLogger,
    progress_so_far,
    read_metrics,
    truncate_metrics,
)
from keras_hybrid.train.multiprocess import check_epoch, process_index, shard
from keras_hybrid.train.progress import Progress, step_seconds
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.sync_replicas import sync_replicas
from keras_hybrid.train.tasks import get_task
from keras_hybrid.train.train_size import train_size
from keras_hybrid.train.user_metrics import Metrics

_ONE_DEVICE = Devices()
CallbackFactory = Callable[
    [Recipe, pathlib.Path, keras.Model, Split], list[keras.callbacks.Callback]
]
Callbacks = Sequence[keras.callbacks.Callback] | CallbackFactory


class TrainingDiverged(RuntimeError):
    """The loss became NaN or infinite."""


def fit(
    recipe: Recipe,
    directory: pathlib.Path,
    network: keras.Model,
    training: Split,
    validation: Split | None,
    devices: Devices = _ONE_DEVICE,
    callbacks: Callbacks = (),
    metrics: Metrics = (),
) -> int:
    """Trains `network`, see `Task.trained`, from the checkpoint on if there is one.

    If the optimizer averages the weights, the network has the averages afterwards; with
    `keep_best` those of the best epoch.

    Args:
        recipe: The settings.
        directory: Where metrics and checkpoint are.
        network: The model, changed in place.
        training: Images to learn from.
        validation: Images to evaluate after every epoch, without augmentation.
        devices: Where to compute; the network was built in their scope.
        callbacks: More callbacks, or a function that returns them, given the recipe,
            the workdir, the network, and the validation images or, without any, the
            training images. Only the process that writes files has them.
        metrics: More metrics, of the targets and predictions of the task.

    Returns:
        The epoch, from 1, whose weights the network has.

    Raises:
        TrainingDiverged: If the loss becomes NaN or infinite.
    """
    settings = recipe.optimization
    batches = make_batches(recipe, training, network.output_shape[-1])
    check_executions(batches.steps_per_epoch, settings.steps_per_execution)
    schedule = make_schedule(recipe, batches.steps_per_epoch)
    model = compile_network(recipe, network, batches, schedule, metrics)
    checkpoint = directory / FILE
    done = _resume(checkpoint, model, len(read_metrics(directory)))
    check_epoch(done)
    first = process_index() == 0
    if first:
        truncate_metrics(directory, done)
    past = progress_so_far(directory, done)
    size = train_size(settings, network)
    progress = Progress(settings, size, batches, schedule, done, **past)
    logger = MetricsLogger(directory, batches, progress, settings.seed, writes=first)
    best = None
    listening: list[keras.callbacks.Callback] = []
    if validation and recipe.selection.keeps_best:
        score = get_task(recipe.data.task).score
        best = KeepBest(recipe.selection, directory, network, score, done, first)
        listening.append(best)  # before the averages are swapped back
    if settings.averages_weights:
        listening.append(keras.callbacks.SwapEMAWeights())
    if first:
        if callable(callbacks):
            callbacks = callbacks(recipe, directory, network, validation or training)
        listening += callbacks
    with (
        step_forms(settings),
        sync_replicas(model, devices.replicas),
        _averaged_at_the_end(model),
    ):
        while not (
            progress.finished
            or progress.stopped_by_others
            or logger.diverged_in
            or (best and best.out_of_patience)
        ):
            _fit_one_size(
                model,
                progress,
                [*listening, progress, logger],
                _validation_data(recipe, validation, batches.classes, devices),
            )
    if logger.diverged_in:
        raise _diverged(logger.diverged_in, checkpoint)
    if not best:
        return progress.epoch
    best.restore()
    return best.epoch


def _fit_one_size(
    model: Augmented,
    progress: Progress,
    callbacks: list[keras.callbacks.Callback],
    validation: keras.utils.PyDataset | None,
) -> None:
    """Trains until the images have another size, or to the end."""
    batches = progress.batches
    resize(model, progress.train_size)
    if progress.seconds and not progress.measured:
        progress.plan(step_seconds(model, batches))
        if progress.finished:
            return
    batches.start_epoch = progress.epoch
    model.fit(
        shard(batches),
        steps_per_epoch=batches.steps_per_epoch,
        shuffle=False,  # the stream is shuffled already
        initial_epoch=progress.epoch,
        epochs=progress.epoch + progress.epochs_left(),
        validation_data=validation,
        callbacks=callbacks,
        verbose=_verbosity(),
    )


def _verbosity() -> str | int:
    if process_index() > 0 or sys.stdout is None:
        return 0
    return "auto" if sys.stdout.isatty() else 2


@contextlib.contextmanager
def _averaged_at_the_end(model: keras.Model) -> Iterator[None]:
    """Weights become their moving average on exit; Keras does it after every `fit`."""
    optimizer = model.optimizer
    optimizer.finalize_variable_values = lambda variables: None
    try:
        yield
    finally:
        del optimizer.finalize_variable_values
    optimizer.finalize_variable_values(model.trainable_variables)


def _validation_data(
    recipe: Recipe, validation: Split | None, classes: int, devices: Devices
) -> keras.utils.PyDataset | None:
    if not validation:
        return None
    batch_size = max(recipe.optimization.batch_size, 128)
    return shard(Evaluation(validation, classes, batch_size, devices.replicas))


def check_executions(steps: int, together: int) -> None:
    """Refuses what the backend cannot call, or runs on into the next epoch's images."""
    if together > 1 and keras.backend.backend() == "torch":
        raise ValueError(
            "--steps-per-execution must be 1 on PyTorch, which runs step by step."
        )
    if steps % together:
        most = max(n for n in range(1, together) if steps % n == 0)
        raise ValueError(
            f"An epoch has {steps} steps, which --steps-per-execution {together} does "
            f"not divide; the next smaller number that does is {most}."
        )


def _resume(checkpoint: pathlib.Path, model: Augmented, logged: int) -> int:
    """Restores the checkpoint, if any; returns the number of finished epochs."""
    epochs = restore_state(checkpoint, model, logged)
    if epochs:
        print(f"Going on after epoch {epochs} of {checkpoint.parent}.")
    return epochs


def _diverged(epoch: int, checkpoint: pathlib.Path) -> TrainingDiverged:
    """The error for a loss that is not finite in this epoch."""
    left = f"; {checkpoint} has epoch {epoch - 1}" if epoch > 1 else ""
    return TrainingDiverged(
        f"The loss became NaN or infinite in epoch {epoch}{left}. "
        "Try a lower --learning-rate, --global-clipnorm 1 or --precision float32."
    )
