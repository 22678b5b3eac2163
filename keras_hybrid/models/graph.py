"""A functional model as a graph, and copies of its layers in a new one."""

import collections
from collections.abc import Callable, Mapping
from typing import Any

import keras

from keras_hybrid.utils.typing import Tensor


class Graph:
    """Which layer produces a tensor, and which ones consume it."""

    def __init__(self, model: keras.Model):
        self._producers: dict[int, keras.Layer] = {}
        self._consumers: dict[int, list[keras.Layer | None]] = collections.defaultdict(
            list
        )
        for layer in model.layers:
            for tensor in keras.tree.flatten(layer.output):
                self._producers[id(tensor)] = layer
            if not isinstance(layer, keras.layers.InputLayer):
                for tensor in keras.tree.flatten(layer.input):
                    self._consumers[id(tensor)].append(layer)
        for tensor in model.outputs:
            self._consumers[id(tensor)].append(None)

    def producer(self, tensor: Tensor) -> keras.Layer:
        """The layer that produces a tensor."""
        return self._producers[id(tensor)]

    def consumers(self, tensor: Tensor) -> list[keras.Layer | None]:
        """The layers that consume a tensor; None stands for the model's output."""
        return self._consumers[id(tensor)]


def clone_layer(layer: keras.Layer, **settings: Any) -> keras.Layer:
    """A built copy of a layer with other settings; weights that it lacks are zero.

    Raises:
        ValueError: If a copy without other settings has other weights than the layer,
            as some layers of other packages do.
    """
    new = type(layer).from_config(layer.get_config() | settings)
    if layer.built:
        new.build_from_config(layer.get_build_config())
    known = {_inner_path(weight, layer): weight for weight in layer.weights}
    if not settings and known.keys() != {_inner_path(x, new) for x in new.weights}:
        raise ValueError(f"{layer.name} cannot be copied: a copy has other weights.")
    for weight in new.weights:
        former = known.get(_inner_path(weight, new))
        if former is None:
            weight.assign(keras.ops.zeros(weight.shape))
        else:  # a true copy: JAX deletes arrays that it has given to a function
            weight.assign(keras.ops.copy(former))
    return new


def _inner_path(weight: keras.Variable, layer: keras.Layer) -> str:
    """Path of a weight inside its layer."""
    return weight.path.rpartition(f"{layer.name}/")[2]


def clone_graph(
    model: keras.Model,
    layers: Mapping[str, keras.Layer | None],
    call: Callable | None = None,
) -> keras.Model:
    """The model with other layers by their names; None leaves one out.

    Args:
        model: The model.
        layers: The new layers, by the name of the former.
        call: What calls a layer, if not the layer itself.
    """

    def plain(layer: keras.Layer | None, x: Any, *others: Any, **keywords: Any) -> Any:
        return x if layer is None else layer(x, *others, **keywords)

    return keras.models.clone_model(
        model,
        clone_function=lambda layer: layers.get(layer.name, layer),
        call_function=call or plain,
    )
