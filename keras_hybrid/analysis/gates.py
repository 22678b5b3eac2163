"""The gates and attention centers of ConViT's GPSA layers."""

import dataclasses

import keras
import numpy as np
from keras import ops

from keras_hybrid.layers import GatedPositionalAttention


@dataclasses.dataclass(frozen=True)
class AttentionCenters:
    """The centers of the positional attention of a GPSA layer, one value per head.

    Attributes:
        strength: Locality strength: how steeply the positional score falls with the
            squared distance from the center, in patches.
        dx: Offset of the center to the right of the query, in patches. NaN for a head
            without a center, whose strength is not positive.
        dy: Offset of the center below the query, in patches; NaN as for `dx`.
    """

    strength: np.ndarray
    dx: np.ndarray
    dy: np.ndarray

    @property
    def distance(self) -> np.ndarray:
        """Distance between the center and the query, in patches."""
        return np.hypot(self.dx, self.dy)


def gpsa_layers(model: keras.Model) -> list[GatedPositionalAttention]:
    """The GPSA layers of a model, in the order of the model.

    Raises:
        ValueError: If the model has no GPSA layer.
    """
    found = [x for x in model.layers if isinstance(x, GatedPositionalAttention)]
    if not found:
        raise ValueError(f"{model.name} has no GPSA layer.")
    return found


def gates(model: keras.Model) -> dict[str, np.ndarray]:
    """The gates of every GPSA layer, after their sigmoid.

    Args:
        model: A ConViT.

    Returns:
        Name of the layer -> `(heads,)`. A head with gate 1 attends by position only, a
        head with gate 0 by content only.

    Raises:
        ValueError: If the model has no GPSA layer.
    """
    return {
        layer.name: ops.convert_to_numpy(ops.sigmoid(layer.gate))
        for layer in gpsa_layers(model)
    }


def attention_centers(model: keras.Model) -> dict[str, AttentionCenters]:
    """The centers of positional attention of every GPSA layer.

    The positional score `w_x dx + w_y dy + w_d d^2` equals `-s |delta - center|^2` up
    to a constant, with strength `s = -w_d` and center `(w_x, w_y) / 2s`.

    Args:
        model: A ConViT.

    Returns:
        Name of the layer -> the centers of its heads.

    Raises:
        ValueError: If the model has no GPSA layer.
    """
    found = {}
    for layer in gpsa_layers(model):
        w_x, w_y, w_d = ops.convert_to_numpy(layer.position_kernel).astype("float64")
        strength = np.where(w_d < 0, -w_d, np.nan)
        dx, dy = w_x / (2 * strength), w_y / (2 * strength)
        found[layer.name] = AttentionCenters(-w_d, dx, dy)
    return found
