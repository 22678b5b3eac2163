"""The training itself: `model.fit` as a recipe says, from the checkpoint on."""

import pathlib
import sys

import keras
import numpy as np

from keras_hybrid import ops
from keras_hybrid.data import Batches, Evaluation, Split
from keras_hybrid.data.keras_cv_layers import keras_cv_augmenter
from keras_hybrid.train.augmented import Augmented
from keras_hybrid.train.callbacks import Journal, cut_journal
from keras_hybrid.train.checkpoint import restore_state
from keras_hybrid.train.devices import Devices
from keras_hybrid.train.optimizer import make_optimizer
from keras_hybrid.train.processes import check_epoch, process, share
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.rematerialise import Rematerialised
from keras_hybrid.train.replicas import as_one
from keras_hybrid.train.schedule import warmup_cosine

# Training sets up to this size are kept on a GPU, which has several times as much.
RESIDENT_BYTES = 4 * 2**30
_ONE_DEVICE = Devices()


class TrainingDiverged(RuntimeError):
    """The loss is no longer a number."""


def fit(
    recipe: Recipe,
    directory: pathlib.Path,
    network: keras.Model,
    training: Split,
    validation: Split | None,
    devices: Devices = _ONE_DEVICE,
) -> None:
    """Trains `network`, which gives logits, from the checkpoint on if there is one.

    With `recipe.ema` the network holds the averaged weights afterwards.

    Args:
        recipe: The settings.
        directory: Where the journal and the checkpoint are.
        network: The model, changed in place.
        training: Images to learn from.
        validation: Images to watch the run with; they are never augmented.
        devices: What to compute on; the network was built in their scope.

    Raises:
        TrainingDiverged: If the loss becomes NaN or infinite.
    """
    classes = network.output_shape[-1]
    batches = _batches(recipe, training, classes)
    _check_executions(batches.steps_per_epoch, recipe.steps_per_execution)
    model = (Rematerialised if recipe.rematerialise else Augmented)(
        network,
        batches.augmentation.fill,
        training.images if batches.resident else None,
    )
    _compile(recipe, model, batches.steps_per_epoch)
    checkpoint = directory / "checkpoint.npz"
    batches.start_epoch = _resume(checkpoint, model)
    check_epoch(batches.start_epoch)
    first = process() == 0
    if first:
        cut_journal(directory, batches.start_epoch)
    journal = Journal(directory, batches, recipe.seed, writes=first)
    watchers = _watchers(recipe, directory, network, validation or training)
    averages = [keras.callbacks.SwapEMAWeights()] if recipe.ema else []
    watched = None
    if validation:
        most = max(recipe.batch_size, 128)
        watched = share(Evaluation(validation, classes, most, devices.replicas))
    form = ops.forms(depthwise_conv="shifted" if recipe.jit == "on" else "auto")
    with form, as_one(model, devices.replicas):
        model.fit(
            share(batches),
            steps_per_epoch=batches.steps_per_epoch,
            shuffle=False,  # the stream is shuffled already
            initial_epoch=batches.start_epoch,
            epochs=recipe.epochs,
            validation_data=watched,
            callbacks=[*averages, *watchers, journal],
            verbose=("auto" if sys.stdout.isatty() else 2) if first else 0,
        )
    if journal.diverged_in:
        raise _diverged(journal.diverged_in, checkpoint)


def _batches(recipe: Recipe, training: Split, classes: int) -> Batches:
    augmenter = None
    if recipe.augmenter == "keras_cv":
        size = training.images.shape[1:3]
        augmenter = keras_cv_augmenter(recipe.augmentation(), size, recipe.seed)
    return Batches(
        training,
        recipe.batch_size,
        classes,
        recipe.seed,
        recipe.augmentation(),
        repeats=recipe.repeats,
        resident=_is_resident(recipe, training),
        augmenter=augmenter,
    )


def _check_executions(steps: int, together: int) -> None:
    """An epoch that ended amid a call would run on into the next one's images."""
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


def _watchers(recipe: Recipe, directory, network, split: Split) -> list:
    """What logs `locality.csv`, if the recipe asks for it and this process writes."""
    if not recipe.watch_attention or process():
        return []
    from keras_hybrid.analysis import LocalityLogger

    images = split.take(np.arange(min(recipe.watch_attention, len(split)))).images
    return [LocalityLogger(directory / "locality.csv", images, network=network)]


def _diverged(epoch: int, checkpoint: pathlib.Path) -> TrainingDiverged:
    """What to raise when the loss left the numbers in that epoch."""
    left = f"; {checkpoint} keeps epoch {epoch - 1}" if epoch > 1 else ""
    return TrainingDiverged(
        f"The loss left the numbers in epoch {epoch}{left}. "
        "Try a lower --learning-rate, --clip-norm 1 or --precision float32."
    )


def _compile(recipe: Recipe, model: keras.Model, steps_per_epoch: int) -> None:
    # Keras asks the schedule once a step, whether or not that step is an update.
    schedule = warmup_cosine(
        recipe.learning_rate,
        recipe.final_learning_rate,
        round(recipe.warmup_epochs * steps_per_epoch),
        recipe.epochs * steps_per_epoch,
    )
    optimizer = make_optimizer(
        recipe.optimizer,
        model,
        schedule,
        recipe.weight_decay,
        recipe.clip_norm,
        ema=recipe.ema,
        accumulation=recipe.accumulation,
    )
    model.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=recipe.label_smoothing
        ),
        weighted_metrics=["accuracy"],
        jit_compile={"auto": "auto", "on": True, "off": False}[recipe.jit],
        steps_per_execution=recipe.steps_per_execution,
    )


def _is_resident(recipe: Recipe, training: Split) -> bool:
    """Whether the training images are to be kept on the device."""
    if recipe.resident != "auto":
        return recipe.resident == "on"
    if recipe.augmenter == "keras_cv":
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
