"""Training: `model.fit` with the settings of a recipe, from the checkpoint on."""

import contextlib
import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from keras_hybrid import ops
from keras_hybrid.data import Batches, Evaluation, Split
from keras_hybrid.data.keras_cv_layers import keras_cv_augmenter
from keras_hybrid.train.augmented import Augmented
from keras_hybrid.train.checkpoint import FILE, restore_state
from keras_hybrid.train.class_metrics import CLASS_METRICS, ClassMetric
from keras_hybrid.train.crossentropy import Crossentropy, class_weights
from keras_hybrid.train.devices import Devices
from keras_hybrid.train.keep_best import KeepBest
from keras_hybrid.train.layer_rates import layer_rates
from keras_hybrid.train.metrics_logger import (
    MetricsLogger,
    progress_so_far,
    truncate_metrics,
)
from keras_hybrid.train.multiprocess import check_epoch, process_index, shard
from keras_hybrid.train.optimizer import make_optimizer
from keras_hybrid.train.progress import Progress, step_seconds
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.remat import RematAugmented
from keras_hybrid.train.schedule import ProgressSchedule
from keras_hybrid.train.sync_replicas import sync_replicas
from keras_hybrid.train.train_size import train_size
from keras_hybrid.train.user_metrics import Metrics, OfProbabilities
from keras_hybrid.utils.typing import Shape

# Training sets up to this size are kept on a GPU, which has several times as much.
RESIDENT_BYTES = 4 * 2**30
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
    """Trains `network`, which returns logits, from the checkpoint on if there is one.

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
        metrics: More metrics, of one-hot labels and probabilities.

    Returns:
        The epoch, from 1, whose weights the network has.

    Raises:
        TrainingDiverged: If the loss becomes NaN or infinite.
    """
    settings = recipe.optimization
    batches = _batches(recipe, training, network.output_shape[-1])
    _check_executions(batches.steps_per_epoch, settings.steps_per_execution)
    model, schedule = _compiled(recipe, network, batches, metrics)
    checkpoint = directory / FILE
    done = _resume(checkpoint, model)
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
        best = KeepBest(recipe.selection, directory, network, done, first)
        listening.append(best)  # before the averages are swapped back
    if settings.averages_weights:
        listening.append(keras.callbacks.SwapEMAWeights())
    if first:
        if callable(callbacks):
            callbacks = callbacks(recipe, directory, network, validation or training)
        listening += callbacks
    form = "shifted" if settings.jit_compile == "on" else "auto"
    with (
        ops.forms(depthwise_conv=form),
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
    _resize(model, progress.train_size)
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
    if process_index() > 0:
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


def _batches(recipe: Recipe, training: Split, classes: int) -> Batches:
    augmentation, settings = recipe.augmentation, recipe.optimization
    augmenter = None
    if augmentation.augmenter == "keras_cv":
        size = training.images.shape[1:3]
        augmenter = keras_cv_augmenter(augmentation, size, settings.seed)
    return Batches(
        training,
        settings.batch_size,
        classes,
        settings.seed,
        augmentation,
        repeats=augmentation.repeated_augmentation,
        resident=_is_resident(recipe, training),
        augmenter=augmenter,
        marks_progress=settings.gabor_loss > 0,
        balanced=settings.class_balance == "sampling",
    )


def _resize(model: Augmented, size: Shape) -> None:
    """Compiles the training step for images of this size."""
    if size != model.train_size:
        model.train_size = size
        model.train_function = None


def _validation_data(
    recipe: Recipe, validation: Split | None, classes: int, devices: Devices
) -> keras.utils.PyDataset | None:
    if not validation:
        return None
    batch_size = max(recipe.optimization.batch_size, 128)
    return shard(Evaluation(validation, classes, batch_size, devices.replicas))


def _check_executions(steps: int, together: int) -> None:
    """Refuses calls that would run on into the images of the next epoch."""
    if steps % together:
        most = max(n for n in range(1, together) if steps % n == 0)
        raise ValueError(
            f"An epoch has {steps} steps, which --steps-per-execution {together} does "
            f"not divide; the next smaller number that does is {most}."
        )


def _resume(checkpoint: pathlib.Path, model: Augmented) -> int:
    """Restores the checkpoint, if any; returns the number of finished epochs."""
    if not checkpoint.exists():
        return 0
    epochs = restore_state(checkpoint, model)
    print(f"Going on after epoch {epochs} of {checkpoint.parent}.")
    return epochs


def _diverged(epoch: int, checkpoint: pathlib.Path) -> TrainingDiverged:
    """The error for a loss that is not finite in this epoch."""
    left = f"; {checkpoint} has epoch {epoch - 1}" if epoch > 1 else ""
    return TrainingDiverged(
        f"The loss became NaN or infinite in epoch {epoch}{left}. "
        "Try a lower --learning-rate, --global-clipnorm 1 or --precision float32."
    )


def _compiled(
    recipe: Recipe,
    network: keras.Model,
    batches: Batches,
    user_metrics: Metrics,
) -> tuple[Augmented, ProgressSchedule]:
    """The network with augmentation before it, compiled, and its learning rate."""
    settings = recipe.optimization
    images = np.asarray(batches.split.images) if batches.resident else None
    kind = RematAugmented if recipe.runtime.remat else Augmented
    model = kind(network, batches.augmentation.fill, images, settings.gabor_loss)
    # Keras reads the schedule once per step, whether or not that step is an update.
    schedule = ProgressSchedule(
        recipe.learning_rate,
        settings.final_learning_rate,
        settings.warmup_share,
        max(settings.epochs, 1) * batches.steps_per_epoch,
        settings.curve,
    )
    decay = recipe.fine_tuning.layer_decay
    rates = layer_rates(network, decay) if decay < 1 else None
    optimizer = make_optimizer(
        settings.optimizer,
        model,
        schedule,
        settings.weight_decay,
        settings.global_clipnorm,
        ema_momentum=settings.ema_momentum,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        rates=rates,
    )
    weights = None
    if settings.class_balance == "weights":
        weights = class_weights(batches.split.labels, batches.classes)
    metrics: list[Any] = ["accuracy", *map(OfProbabilities, user_metrics)]
    if recipe.selection.keep_best in CLASS_METRICS:
        metrics.append(ClassMetric(batches.classes, recipe.selection.keep_best))
    model.compile(
        optimizer,
        Crossentropy(settings.label_smoothing, weights),
        weighted_metrics=metrics,
        jit_compile={"auto": "auto", "on": True, "off": False}[settings.jit_compile],
        steps_per_execution=settings.steps_per_execution,
    )
    return model, schedule


def _is_resident(recipe: Recipe, training: Split) -> bool:
    """Whether the training images are to be kept on the device."""
    if recipe.runtime.cache_on_device != "auto":
        return recipe.runtime.cache_on_device == "on"
    if recipe.augmentation.augmenter == "keras_cv":
        return False
    size = np.prod(training.images.shape, dtype="int64")
    return size <= RESIDENT_BYTES and _has_gpu()


def _has_gpu() -> bool:
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.default_backend() != "cpu"
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_logical_devices("GPU"))
    import torch

    return torch.cuda.is_available()
