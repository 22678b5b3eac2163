"""Reads the attention maps of a model of any family."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_hybrid.analysis.attention_map import AttentionMap, Grid
from keras_hybrid.analysis.compute import run
from keras_hybrid.layers import (
    ClassToken,
    ConvProjection,
    DotProductAttention,
    FixedPositionalAttention,
    GatedPositionalAttention,
    RelativeAttention,
    StackTokens,
)
from keras_hybrid.utils.typing import Tensor

ATTENTION_LAYERS = (
    DotProductAttention,
    FixedPositionalAttention,
    GatedPositionalAttention,
    RelativeAttention,
)


class AttentionProbe:
    """Reads the attention maps of a model. The model is not changed.

    Args:
        model: A functional model with attention layers of this package.
        layers: Names of the layers to read; None reads all of them.

    Raises:
        ValueError: If the model has no attention layer, no layer of a given name, or
            a dynamic input size.

    Example:
        >>> for attention in AttentionProbe(model)(images):
        ...     print(attention.layer, attention.weights.shape)
    """

    def __init__(self, model: keras.Model, layers: Sequence[str] | None = None):
        found = attention_layers(model)
        if layers is not None:
            known = [layer.name for layer in found]
            if missing := set(layers) - set(known):
                raise ValueError(
                    f"{model.name} has no attention layer {sorted(missing)[0]!r}; it "
                    f"has: {', '.join(known)}."
                )
            found = [layer for layer in found if layer.name in layers]
        if not found:
            raise ValueError(f"{model.name} has no attention layer.")
        if None in model.input_shape[1:]:
            raise ValueError(
                f"{model.name} takes images of any size: build it with the "
                "input_shape of the images."
            )
        self._grids = {layer.name: _grids(model, layer) for layer in found}
        self._reader = keras.Model(
            model.input,
            {
                layer.name: _Weights(layer, name=f"{layer.name}_weights")(
                    _queries_and_keys(layer)
                )
                for layer in found
            },
        )

    def __call__(self, images: np.ndarray) -> list[AttentionMap]:
        """The maps of images `(B, H, W, C)`, in the order of the model's layers."""
        return self.of_weights(run(self._reader, images))

    def of_weights(self, weights: Mapping[str, Any]) -> list[AttentionMap]:
        """The maps of attention weights by the name of their layer."""
        return [
            AttentionMap(name, weights[name], *grids)
            for name, grids in self._grids.items()
        ]

    @property
    def outputs(self) -> dict[str, keras.KerasTensor]:
        """The attention weights `(B, heads, N, M)` by the name of their layer."""
        return self._reader.output


class _Weights(keras.layers.Layer):
    """Returns the attention weights of a layer for the inputs of that layer."""

    def __init__(self, attention: keras.Layer, **kwargs: Any):
        super().__init__(dtype=attention.dtype_policy, **kwargs)
        self.attention = attention

    def call(self, tensors: Sequence[Tensor]) -> Tensor:
        return self.attention.attention_weights(*tensors)


def attention_layers(model: keras.Model) -> list[keras.Layer]:
    """The attention layers of a model, in the order of the model."""
    return [layer for layer in model.layers if isinstance(layer, ATTENTION_LAYERS)]


def attention_maps(
    model: keras.Model, images: np.ndarray, layers: Sequence[str] | None = None
) -> list[AttentionMap]:
    """The attention maps of a few images; see `AttentionProbe`.

    A map has one number per pair of positions, so read many images in batches.
    """
    return AttentionProbe(model, layers)(images)


def class_attention(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """CeiT's layer-wise class attention: the weight of each block's class token.

    Args:
        model: A CeiT.
        images: `(B, H, W, C)`.

    Returns:
        `(B, heads, L)`, the attention of the last class token to the class tokens of
        all L blocks.

    Raises:
        ValueError: If the model has no layer-wise class attention.
    """
    names = [x.name for x in attention_layers(model) if _keys_are_stacked(model, x)]
    if not names:
        raise ValueError(f"{model.name} has no layer-wise class attention.")
    return attention_maps(model, images, names)[0].weights[:, :, 0]


def _queries_and_keys(layer: keras.Layer) -> list[keras.KerasTensor]:
    """Queries and keys of a layer; or the feature map that it computes both from."""
    return keras.tree.flatten(layer.input)[:2]


def _grids(
    model: keras.Model, layer: keras.Layer
) -> tuple[Grid | None, Grid | None, bool, Grid | None]:
    """`query_grid`, `key_grid`, `class_token` and `grid` of an `AttentionMap`."""
    queries, keys = _queries_and_keys(layer)[0], _queries_and_keys(layer)[-1]
    if len(queries.shape) == 4:
        return queries.shape[1:3], keys.shape[1:3], False, None
    if _keys_are_stacked(model, layer):
        return None, None, False, None
    patches_attend = queries.shape[1] > 1
    producer = _producer(model, keys)
    convolved = producer if isinstance(producer, ConvProjection) else None
    whole = keras.tree.flatten(convolved.input)[0] if convolved else keys
    tokens = (queries if patches_attend else whole).shape[1]
    maps = [x.input.shape[1:3] for x in model.layers if isinstance(x, ClassToken)]
    grid = key_grid = next(size for size in maps if 1 + math.prod(size) == tokens)
    if convolved:
        key_grid = convolved.compute_output_shape((None, *grid, keys.shape[-1]))[1:3]
    if patches_attend:
        return grid, key_grid, True, None
    return None, key_grid, True, grid


def _keys_are_stacked(model: keras.Model, layer: keras.Layer) -> bool:
    """Whether the keys come from `StackTokens`: class tokens of several blocks."""
    producer = _producer(model, _queries_and_keys(layer)[-1])
    while producer is not None and not isinstance(producer, StackTokens):
        inputs = keras.tree.flatten(producer.input)
        producer = _producer(model, inputs[0]) if len(inputs) == 1 else None
    return producer is not None


def _producer(model: keras.Model, tensor: keras.KerasTensor) -> keras.Layer | None:
    """The layer that computes a tensor; None for the input of the model."""
    return next((x for x in model.layers[1:] if x.output is tensor), None)
