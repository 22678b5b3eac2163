"""Computes only the class token in the last block if its patches are not used."""

from typing import Any

import keras

from keras_hybrid import layers
from keras_hybrid.models.graph import Graph, clone_graph, clone_layer
from keras_hybrid.utils.typing import Tensor

# What treats every token by itself.
_BY_TOKEN = (
    keras.layers.Activation,
    keras.layers.Add,
    keras.layers.Dense,
    keras.layers.LayerNormalization,
)
# What is computed for the class token alone, if that is all that is read of it.
_NARROWED = (*_BY_TOKEN, layers.ConvProjection, layers.DotProductAttention)


def class_only(model: keras.Model) -> keras.Model:
    """The same model without patches after the queries of the last attention.

    The layers between that attention and the split from the patches keep their names
    and compute the class token's row. A model whose map is read stays as it is.
    """
    narrow = _narrow(model)
    if not narrow:
        return model
    copies = {layer.name: _copy(layer, layer in narrow) for layer in model.layers}
    names = {layer.name for layer in narrow}
    rows: dict[int, Tensor] = {}  # the tensors that are the class token's row already

    def row(x: Tensor, name: str) -> Tensor:
        if id(x) in rows:
            return x
        return layers.SelectToken(name=f"{name}_class_token")(x)

    def call(layer: keras.Layer, x: Any, *others: Any, **keywords: Any) -> Any:
        if layer.name not in names:
            return layer(x, *others, **keywords)
        x = keras.tree.map_structure(lambda x: row(x, layer.name), x)
        if isinstance(layer, keras.layers.Reshape):
            return layer(x), others[0]  # in place of the map, which nothing reads
        keywords.pop("grid", None)
        y = layer(x, *others, **keywords)
        rows[id(y)] = y
        return y

    return clone_graph(model, copies, call)


def _narrow(model: keras.Model) -> list[keras.layers.Layer]:
    """The splits whose map nothing consumes, and what only computes a row for them."""
    graph = Graph(model)
    found: list[keras.Layer] = []

    def only_for_row(tensor: Tensor, consumer: keras.Layer | None) -> bool:
        if consumer is None or consumer not in found:
            return False
        if isinstance(consumer, _BY_TOKEN):
            return True
        queries, *others = keras.tree.flatten(consumer.input)
        return tensor is queries and all(x is not tensor for x in others)

    for layer in reversed(model.layers):
        if isinstance(layer, layers.SplitClassToken):
            if not graph.consumers(layer.output[1]):
                found.append(layer)
        elif isinstance(layer, _NARROWED):
            consumers = graph.consumers(layer.output)
            if consumers and all(only_for_row(layer.output, x) for x in consumers):
                found.append(layer)
    return found


def _copy(layer: keras.Layer, narrow: bool) -> keras.Layer:
    """A copy, for the class token's row alone if `narrow`."""
    if narrow and isinstance(layer, layers.SplitClassToken):
        channels = layer.output[0].shape[-1]
        return keras.layers.Reshape((channels,), name=layer.name)
    if narrow and isinstance(layer, layers.ConvProjection):
        # the class token takes no part in the convolution
        return clone_layer(layer.linear, name=layer.name)
    return clone_layer(layer)
