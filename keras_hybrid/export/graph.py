"""A functional model as a graph, and copies of its layers in a new one."""

import collections
from collections.abc import Callable, Mapping

import keras
import numpy as np


class Graph:
    """Which layer makes a tensor, and which ones read it."""

    def __init__(self, model: keras.Model):
        self._makers, self._readers = {}, collections.defaultdict(list)
        for layer in model.layers:
            for tensor in keras.tree.flatten(layer.output):
                self._makers[id(tensor)] = layer
            if not isinstance(layer, keras.layers.InputLayer):
                for tensor in keras.tree.flatten(layer.input):
                    self._readers[id(tensor)].append(layer)
        for tensor in model.outputs:
            self._readers[id(tensor)].append(None)

    def maker(self, tensor) -> keras.layers.Layer:
        """The layer that makes a tensor."""
        return self._makers[id(tensor)]

    def readers(self, tensor) -> list[keras.layers.Layer | None]:
        """The layers that read a tensor; None stands for the model's caller."""
        return self._readers[id(tensor)]


def like(layer, **settings):
    """A built copy of a layer with other settings; weights it has not are zero."""
    new = type(layer).from_config(layer.get_config() | settings)
    if layer.built:
        new.build_from_config(layer.get_build_config())
    known = {_place(weight, layer): weight for weight in layer.weights}
    for weight in new.weights:
        former = known.get(_place(weight, new))
        weight.assign(np.zeros(weight.shape) if former is None else former)
    return new


def _place(weight, layer) -> str:
    """Path of a weight inside its layer."""
    return weight.path.rpartition(f"{layer.name}/")[2]


def rebuilt(
    model: keras.Model,
    layers: Mapping[str, keras.layers.Layer | None],
    call: Callable | None = None,
) -> keras.Model:
    """The model with other layers by their names; None leaves one out.

    Args:
        model: The model.
        layers: The new layers, by the name of the former.
        call: What calls a layer, if not the layer itself.
    """

    def plain(layer, x, *others, **keywords):
        return x if layer is None else layer(x, *others, **keywords)

    return keras.models.clone_model(
        model,
        clone_function=lambda layer: layers.get(layer.name, layer),
        call_function=call or plain,
    )
