"""Attention rollout as an output of a network, for exported files."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_hybrid.analysis.attention_map import Grid
from keras_hybrid.analysis.attention_probe import AttentionProbe, attention_layers
from keras_hybrid.analysis.rollout import last_stage, roll_out
from keras_hybrid.layers import StackViews
from keras_hybrid.utils.typing import Shape, Tensor


def rollout_output(model: keras.Model) -> keras.KerasTensor | None:
    """The tensor `(B, H, W)` with the attention rollout of a model's images.

    Of a model that averages over views it is that of the unchanged image.

    Args:
        model: A functional model of a fixed input size.

    Returns:
        The tensor, to be an output beside those of the model; None if no attention has
        positions as keys, or the model is an ensemble, whose members each have a map.
    """
    names = [layer.name for layer in attention_layers(model)]
    if not names or any(name.startswith("member") for name in names):
        return None
    probe = AttentionProbe(model)
    try:
        last, grid = last_stage(probe.of_weights(probe.outputs))
    except ValueError:
        return None
    probe = AttentionProbe(model, [attention.layer for attention in last])
    views = [x.count for x in model.layers if isinstance(x, StackViews)]
    return _Rollout(probe, grid, *views, name="rollout")(probe.outputs)


class _Rollout(keras.layers.Layer):
    """Attention rollout of attention weights by the name of their layer."""

    def __init__(
        self, probe: AttentionProbe, grid: Grid, views: int = 1, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self._probe, self._grid, self._views = probe, grid, views

    def call(self, weights: Mapping[str, Tensor]) -> Tensor:
        first = {name: self._first_view(x) for name, x in weights.items()}
        return roll_out(self._probe.of_weights(first), ops, "float32")

    def compute_output_shape(self, shapes: Mapping[str, Shape]) -> Shape:
        return (None, *self._grid)

    def _first_view(self, x: Tensor) -> Tensor:
        return ops.reshape(x, (self._views, -1, *x.shape[1:]))[0]
