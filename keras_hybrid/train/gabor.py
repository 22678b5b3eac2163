"""An auxiliary loss for few images: predict the Gabor energy of the image.

A 1x1 convolution maps the features of an inner stage to local energies of edges, in
four orientations and two wavelengths, which need no labels. It gives early layers a
task that five thousand images do not exhaust. The trained network is saved without it.
"""

import math

import keras
import numpy as np
from keras import ops

from keras_hybrid.utils.typing import Tensor

WAVELENGTHS = (3.5, 7.0)  # pixels
ORIENTATIONS = 4
FILTER_SIDE = 15
SMALLEST_SIDE = 7
"""The stage is the deepest but the last whose map has at least this side."""


def gabor_filters() -> np.ndarray:
    """Even, then odd filters, `(15, 15, 1, 16)`, each of mean 0 and norm 1."""
    half = FILTER_SIDE // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    filters = []
    for phase in (0.0, math.pi / 2):
        for wavelength in WAVELENGTHS:
            envelope = np.exp(-(x**2 + y**2) / (2 * (wavelength / 2) ** 2))
            for number in range(ORIENTATIONS):
                angle = math.pi * number / ORIENTATIONS
                along = x * math.cos(angle) + y * math.sin(angle)
                wave = envelope * np.cos(2 * math.pi * along / wavelength - phase)
                wave = wave - wave.mean()
                filters.append(wave / np.linalg.norm(wave))
    return np.stack(filters, -1)[:, :, None].astype("float32")


def gabor_energy(images: Tensor, filters: Tensor) -> Tensor:
    """Local energy `sqrt(even^2 + odd^2)` of grey images.

    Args:
        images: `(B, H, W, C)`, pixels in [0, 255].
        filters: From `gabor_filters`.

    Returns:
        `(B, H, W, 8)`, for every wavelength all orientations.
    """
    grey = ops.mean(images, -1, keepdims=True) / 255
    response = ops.conv(grey, filters, padding="same", data_format="channels_last")
    even, odd = ops.split(response, 2, axis=-1)
    return ops.sqrt(ops.square(even) + ops.square(odd) + 1e-8)


def inner_stage(network: keras.Model) -> Tensor:
    """The symbolic feature map on which the loss works, see `SMALLEST_SIDE`.

    Raises:
        ValueError: If the network names no feature maps.
    """
    maps = [layer.feature for layer in network.layers if hasattr(layer, "feature")]
    if not maps:
        raise ValueError(f"{network.name} has no feature maps for --gabor-loss.")
    large = [x for x in maps[:-1] if min(x.shape[1:3]) >= SMALLEST_SIDE]
    return large[-1] if large else maps[0]


class GaborLoss(keras.layers.Layer):
    """Mean squared error of the predicted energy, per channel standardised.

    Args:
        weight: Of the loss at the beginning; it falls to 0 by a cosine.

    Call arguments:
        features: `(B, h, w, C)`.
        images: `(B, H, W, 3)`, pixels in [0, 255].
        progress: `(B,)`, the share of the run that is over.

    The result is the loss, a scalar.
    """

    def __init__(self, weight: float):
        super().__init__(dtype="float32", name="gabor_loss")
        self.weight = weight
        self.predict_energy = keras.layers.Dense(
            len(WAVELENGTHS) * ORIENTATIONS, dtype="float32", name="energy"
        )
        self.filters = gabor_filters()

    def build(
        self, features_shape: tuple, images_shape: tuple, progress_shape: tuple
    ) -> None:
        self.predict_energy.build(features_shape)

    def call(self, features: Tensor, images: Tensor, progress: Tensor) -> Tensor:
        height, width = features.shape[1:3]
        scale = max(4 * height / images.shape[1], 4 * width / images.shape[2])
        if scale < 1:  # a large image: wavelengths count pixels of four per feature
            images = ops.image.resize(
                images, (4 * height, 4 * width), data_format="channels_last"
            )
        energy = gabor_energy(images, self.filters)
        if energy.shape[1:3] != (height, width):
            energy = ops.image.resize(
                energy, (height, width), antialias=True, data_format="channels_last"
            )
        mean = ops.mean(energy, (0, 1, 2), keepdims=True)
        spread = ops.std(energy, (0, 1, 2), keepdims=True)
        target = (energy - mean) / (spread + 1e-5)
        error = self.predict_energy(ops.cast(features, "float32")) - target
        falling = 0.5 * (1 + ops.cos(math.pi * ops.mean(progress)))
        return self.weight * falling * ops.mean(ops.square(error))
