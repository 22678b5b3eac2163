"""Effective receptive fields: how much a feature depends on every pixel."""

import math
from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

from keras_hybrid.analysis.compute import image_gradient
from keras_hybrid.models import features
from keras_hybrid.utils.typing import Tensor


def receptive_fields(
    model: keras.Model,
    images: np.ndarray,
    tensors: Mapping[str, keras.KerasTensor] | None = None,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """The effective receptive field of the center of each feature map.

    It is the root mean square over the images of a gradient: that of a random
    combination of the channels at the central position, for each pixel (after Luo et
    al. 2016, arXiv:1701.04128, section 2). The plain sum of the channels would not do,
    because layer normalization keeps it constant.

    Args:
        model: A functional model.
        images: `(B, H, W, C)`. Each image gets a random combination of its own.
        tensors: Feature maps `(B, h, w, C)` of the model by name; None takes those of
            `models.features`.
        seed: Seed of the random combinations.

    Returns:
        Name -> `(H, W)` with sum 1; all zeros where the feature depends on no pixel.
    """
    tensors = dict(features(model).output) if tensors is None else dict(tensors)
    rng = np.random.default_rng(seed)
    directions = {
        name: rng.normal(size=(len(images), tensor.shape[-1])).astype("float32")
        for name, tensor in tensors.items()
    }
    gradient = image_gradient(keras.Model(model.input, tensors), _central_features)
    fields = {}
    for name in tensors:
        chosen = {key: d * np.float32(key == name) for key, d in directions.items()}
        squares = gradient(images, chosen).astype("float64") ** 2
        field = np.sqrt(squares.sum(axis=-1).mean(axis=0))
        fields[name] = field / (field.sum() or 1.0)
    return fields


def _central_features(
    maps: Mapping[str, Tensor], directions: Mapping[str, Tensor]
) -> Tensor:
    """Sum over the maps of the combined channels at the central position."""
    return sum(
        ops.sum(
            ops.cast(x[:, x.shape[1] // 2, x.shape[2] // 2], "float32")
            * directions[name]
        )
        for name, x in maps.items()
    )


def field_statistics(field: np.ndarray, share: float = 0.9) -> dict[str, float]:
    """The size of a receptive field in three numbers.

    Args:
        field: `(H, W)`, as `receptive_fields` returns it.
        share: Share of the field's sum that `area` covers.

    Returns:
        `support`, the share of the pixels with more than a millionth of the largest
        value; `area`, the share of the pixels that together hold `share` of the sum,
        largest values first; `radius`, the root mean square distance from the field's
        center of mass, divided by that of a uniform field.
    """
    height, width = field.shape
    total = field.sum()
    if not total:
        return {"support": 0.0, "area": 0.0, "radius": 0.0}
    descending = np.sort(field, axis=None)[::-1].cumsum() / total
    y, x = np.mgrid[:height, :width]

    def spread(weights: np.ndarray) -> float:
        mean_y, mean_x = (weights * y).sum(), (weights * x).sum()
        return math.sqrt((weights * ((y - mean_y) ** 2 + (x - mean_x) ** 2)).sum())

    uniform = np.full(field.shape, 1 / field.size)
    return {
        "support": float((field > 1e-6 * field.max()).mean()),
        "area": float((np.searchsorted(descending, share) + 1) / field.size),
        "radius": spread(field / total) / spread(uniform),
    }
