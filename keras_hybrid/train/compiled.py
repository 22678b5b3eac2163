"""What `model.fit` is given: the batches, the compiled network, its learning rate."""

import contextlib

import keras
import numpy as np

from keras_hybrid import ops
from keras_hybrid.data import Batches, Split
from keras_hybrid.data.keras_cv_layers import keras_cv_augmenter
from keras_hybrid.train.augmented import Augmented
from keras_hybrid.train.layer_rates import layer_rates
from keras_hybrid.train.optimizer import make_optimizer
from keras_hybrid.train.recipe import Optimization, Recipe
from keras_hybrid.train.remat import RematAugmented
from keras_hybrid.train.schedule import ProgressSchedule
from keras_hybrid.train.tasks import get_task
from keras_hybrid.train.user_metrics import Metrics, OfPredictions
from keras_hybrid.utils.typing import Shape

# Training sets up to this size are kept on a GPU, which has several times as much.
RESIDENT_BYTES = 4 * 2**30


def make_batches(recipe: Recipe, training: Split, classes: int) -> Batches:
    """The stream of training batches.

    Args:
        recipe: The settings.
        training: Images to learn from.
        classes: Number of outputs.
    """
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


def make_schedule(recipe: Recipe, steps_per_epoch: int) -> ProgressSchedule:
    """The learning rate of a recipe over its run.

    Keras reads it once per step, whether or not that step is an update.
    """
    settings = recipe.optimization
    return ProgressSchedule(
        recipe.learning_rate,
        settings.final_learning_rate,
        settings.warmup_share,
        max(settings.epochs, 1) * steps_per_epoch,
        settings.curve,
    )


def compile_network(
    recipe: Recipe,
    network: keras.Model,
    batches: Batches,
    learning_rate: float | ProgressSchedule,
    user_metrics: Metrics = (),
) -> Augmented:
    """The network with augmentation before it, compiled.

    Args:
        recipe: The settings.
        network: See `Task.trained`.
        batches: What `make_batches` returned.
        learning_rate: What `make_schedule` returned, or a number.
        user_metrics: More metrics, of the targets and predictions of the task.
    """
    settings = recipe.optimization
    images = np.asarray(batches.split.images) if batches.resident else None
    kind = RematAugmented if recipe.runtime.remat else Augmented
    model = kind(network, batches.augmentation.fill, images, settings.gabor_loss)
    decay = recipe.fine_tuning.layer_decay
    rates = layer_rates(network, decay) if decay < 1 else None
    optimizer = make_optimizer(
        settings.optimizer,
        model,
        learning_rate,
        settings.weight_decay,
        settings.global_clipnorm,
        ema_momentum=settings.ema_momentum,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        rates=rates,
        scales_loss=settings.precision == "mixed_float16",
    )
    task = get_task(recipe.data.task)
    own = [OfPredictions(metric, task.predictions) for metric in user_metrics]
    model.compile(
        optimizer,
        task.loss(recipe, network, batches.split),
        weighted_metrics=[*task.metrics(recipe, network), *own],
        jit_compile={"auto": "auto", "on": True, "off": False}[settings.jit_compile],
        steps_per_execution=settings.steps_per_execution,
    )
    return model


def step_forms(settings: Optimization) -> contextlib.AbstractContextManager[None]:
    """The forms of operations in which training steps are compiled."""
    form = "shifted" if settings.jit_compile == "on" else "auto"
    return ops.forms(depthwise_conv=form)


def resize(model: Augmented, size: Shape) -> None:
    """Compiles the training step for images of this size."""
    if size != model.train_size:
        model.train_size = size
        model.train_function = None


def _is_resident(recipe: Recipe, training: Split) -> bool:
    """Whether the training images are to be kept on the device."""
    if recipe.runtime.cache_on_device != "auto":
        return recipe.runtime.cache_on_device == "on"
    if recipe.augmentation.augmenter == "keras_cv":
        return False
    images = training.images
    size = np.prod(images.shape, dtype="int64") * images.dtype.itemsize
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
