"""Effective receptive fields: which pixels a place of a map depends on, how much."""

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
    """How much the central place of each stage depends on every pixel.

    The root mean square, over images and directions, of the gradient of a random
    mixture of the place's channels with respect to the pixel (after Luo et al. 2016,
    arXiv:1701.04128, section 2). A plain sum of channels would not do: layer norm
    holds it constant.

    Args:
        model: A functional model.
        images: `(B, H, W, C)`; every one adds a direction.
        tensors: Maps `(B, h, w, C)` of the model by name; None takes those of
            `models.features`.
        seed: Seed of the directions.

    Returns:
        Name -> `(H, W)`, its sum 1; all zeros where nothing is seen.
    """
    tensors = dict(features(model).output) if tensors is None else dict(tensors)
    rng = np.random.default_rng(seed)
    directions = {
        name: rng.normal(size=(len(images), tensor.shape[-1])).astype("float32")
        for name, tensor in tensors.items()
    }
    gradient = image_gradient(keras.Model(model.input, tensors), _centres)
    fields = {}
    for name in tensors:
        chosen = {key: d * np.float32(key == name) for key, d in directions.items()}
        squares = gradient(images, chosen).astype("float64") ** 2
        field = np.sqrt(squares.sum(axis=-1).mean(axis=0))
        fields[name] = field / (field.sum() or 1.0)
    return fields


def _centres(maps: Mapping[str, Tensor], directions: Mapping[str, Tensor]) -> Tensor:
    """Sum over maps of a mixture of the channels of their central place."""
    return sum(
        ops.sum(
            ops.cast(x[:, x.shape[1] // 2, x.shape[2] // 2], "float32")
            * directions[name]
        )
        for name, x in maps.items()
    )


def reach(field: np.ndarray, share: float = 0.9) -> dict[str, float]:
    """A field in three numbers.

    Args:
        field: `(H, W)`, as `receptive_fields` gives it.
        share: Part of the field that `area` holds.

    Returns:
        `support`: share of the pixels that count at all, more than a millionth of
        the strongest. `area`: share of the pixels that hold `share` of the field,
        the strongest ones. `radius`: root mean square distance from the field's
        centre, over that of an even field.
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

    even = np.full(field.shape, 1 / field.size)
    return {
        "support": float((field > 1e-6 * field.max()).mean()),
        "area": float((np.searchsorted(descending, share) + 1) / field.size),
        "radius": spread(field / total) / spread(even),
    }
