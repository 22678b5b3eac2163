"""The layers of keras-cv as an alternative to this package's augmentation.

keras-cv is archived and its layers have moved to Keras, so this is not the default. The
layers run in TensorFlow on the host before the training step, whatever the backend.
They sample from TensorFlow's global state, which checkpoints do not contain, so a
resumed run has other samples than an uninterrupted run. Settings have the meaning of
keras-cv: color jitter adds to the brightness, and mixing weights differ between images.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_hybrid.data.augmentation import Augmentation
from keras_hybrid.utils.optional import require
from keras_hybrid.utils.typing import Tensor

# Sides of the erased box, as shares of the sides of the image: 2 to 33 % of the area.
_ERASED_SIDE = (0.14, 0.58)

HostAugmenter = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def require_keras_cv() -> None:
    """Checks that the layers are there, for a caller with long work before them.

    Raises:
        ImportError: If keras-cv or TensorFlow is missing.
    """
    require("keras_cv", "tensorflow", extra="keras-cv", what="--augmenter keras_cv")


def keras_cv_augmenter(
    settings: Augmentation, size: tuple[int, int], seed: int
) -> HostAugmenter:
    """A function that augments a batch on the host.

    Args:
        settings: Settings of augmentation.
        size: Height and width of the images.
        seed: Seed of TensorFlow's global random state.

    Returns:
        `(images, labels) -> (images, labels)`, for pixels `(B, H, W, 3)` and one-hot
        labels `(B, K)`; the results are float32.

    Raises:
        ImportError: If keras-cv or TensorFlow is missing.
        ValueError: If there are `extra_augmentations`.
    """
    if settings.extra_augmentations:
        raise ValueError("extra_augmentations need --augmenter keras.")
    require_keras_cv()
    import keras_cv
    import tensorflow as tf

    tf.random.set_seed(seed)
    tf.random.get_global_generator().reset_from_seed(seed)
    steps = _layers(settings, size, keras_cv.layers)
    sides = [[0, 0], *[[settings.padding] * 2] * 2, [0, 0]]

    @tf.function
    def pipeline(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        images = tf.pad(tf.cast(images, "float32"), sides)
        batch = {"images": images, "labels": labels}
        for layer in steps:
            batch = layer(batch, training=True)
        return batch["images"], batch["labels"]

    def augment(
        images: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        with tf.device("/CPU:0"):
            pixels, mixed = pipeline(images, labels)
            return pixels.numpy(), mixed.numpy()

    return augment


def _layers(settings: Augmentation, size: tuple[int, int], layers: Any) -> list[Any]:
    """The layers for the settings, in the order of `sample_augmentation`."""
    steps = []
    if settings.padding:
        steps.append(layers.RandomCrop(*size))
    if settings.random_crop:
        area, ratio = settings.random_crop, (3 / 4, 4 / 3)
        steps.append(layers.RandomCropAndResize(size, area, ratio))
    if settings.horizontal_flip:
        steps.append(layers.RandomFlip("horizontal"))
    if settings.vertical_flip:
        steps.append(layers.RandomFlip("vertical"))
    if settings.rotation:
        fill = {"fill_mode": "constant", "fill_value": settings.fill}
        steps.append(layers.RandomRotation(settings.rotation / 360, **fill))
    if settings.rand_augment:
        level = settings.rand_augment / 10
        steps.append(layers.RandAugment((0, 255), 2, level, 0.05, rate=0.5))
    if settings.color_jitter:
        most = settings.color_jitter
        steps.append(layers.RandomColorJitter((0, 255), most, most, most, 0.0))
    if settings.random_erasing:
        box = layers.RandomCutout(_ERASED_SIDE, _ERASED_SIDE, "gaussian_noise")
        steps.append(layers.RandomApply(box, settings.random_erasing))
    alphas = {layers.MixUp: settings.mixup, layers.CutMix: settings.cutmix}
    mixing = [kind(alpha) for kind, alpha in alphas.items() if alpha]
    if len(mixing) == 2:
        return [*steps, layers.RandomChoice(mixing, batchwise=True)]
    return steps + mixing
