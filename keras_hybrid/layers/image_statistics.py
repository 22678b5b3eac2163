"""Contrast and sharpness of an image, without a network."""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from keras_hybrid.utils.typing import MapShape, Shape, Tensor

_SCALES = 3
_LEAST_SIDE = 4
_LEAST_VARIANCE, _LEAST_DEVIATION = 1e-6, 0.02


@keras.saving.register_keras_serializable("keras_hybrid")
class ImageStatistics(keras.layers.Layer):
    """Color, contrast and differences of neighboring pixels, at up to three scales.

    The channels are the mean over colors and, in an image of several, the difference
    of each color but the last to it. Of each channel there are the mean, and at every
    scale the logarithms of its standard deviation and of the root mean squares of the
    differences of neighbors across and down. A scale has half the side of the one
    before; one below 4 pixels is left out.

    Natural images follow narrow laws in them (Ruderman 1994, "The statistics of
    natural images"): flat colors, soft blobs, noise and drawings do not.

    Args:
        unit: What a pixel is divided by: 64 for pixels in [0, 255], 1 for normalized
            images.

    Input shape: `(B, H, W, C)`. Output shape: `(B, S)`; S is 30 for a colored image of
    16 x 16 pixels or more.
    """

    def __init__(self, unit: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.unit = unit

    def build(self, input_shape: MapShape) -> None:
        self.scales = _scales(input_shape)

    def call(self, image: Tensor) -> Tensor:
        x = ops.cast(image, self.compute_dtype) / self.unit
        mean = ops.mean(x, axis=-1, keepdims=True)
        if x.shape[-1] > 1:
            mean = ops.concatenate([mean, x[:, :, :, :-1] - mean], axis=-1)
        x = mean
        center = ops.mean(x, axis=(1, 2), keepdims=True)
        found = [ops.squeeze(center, (1, 2))]
        for scale in range(self.scales):
            if scale:
                x = ops.average_pool(x, 2, 2, "valid", data_format="channels_last")
            found += map(_log_deviation, _deviations(x))
        return ops.concatenate(found, axis=-1)

    def compute_output_shape(self, input_shape: MapShape) -> Shape:
        return (input_shape[0], input_shape[-1] * (1 + 3 * _scales(input_shape)))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"unit": self.unit}


def _scales(shape: MapShape) -> int:
    """Number of scales of an image; a dynamic side is taken for a large one."""
    sides = [side for side in shape[1:3] if side is not None]
    fits = (min(sides, default=_LEAST_SIDE << _SCALES) >> i for i in range(_SCALES))
    return max(1, sum(side >= _LEAST_SIDE for side in fits))


def _deviations(x: Tensor) -> Iterator[Tensor]:
    yield x - ops.mean(x, axis=(1, 2), keepdims=True)
    yield x[:, :, 1:] - x[:, :, :-1]
    yield x[:, 1:] - x[:, :-1]


def _log_deviation(x: Tensor) -> Tensor:
    variance = ops.mean(ops.square(x), axis=(1, 2))
    return ops.log(ops.sqrt(variance + _LEAST_VARIANCE) + _LEAST_DEVIATION)
