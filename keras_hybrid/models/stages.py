"""The layers of a network by depth."""

import keras

from keras_hybrid.models.graph import Graph


def stages(model: keras.Model) -> list[list[keras.Layer]]:
    """The layers of a model in groups from its input to its output.

    A group ends in each feature map of `models.features`. A layer belongs to the first
    map that depends on it. The last group has the layers after the last map: norm,
    pooling and the classifier.

    Args:
        model: A model of this package, with or without its classifier.

    Returns:
        One list of layers per feature map, and one for the rest.
    """
    graph = Graph(model)
    groups = []
    known: set[str] = set()
    for feature in (x for x in model.layers if hasattr(x, "feature")):
        above = _ancestors(feature, graph, known)
        groups.append([x for x in model.layers if x.name in above])
        known |= above
    return [*groups, [x for x in model.layers if x.name not in known]]


def _ancestors(layer: keras.Layer, graph: Graph, known: set[str]) -> set[str]:
    """Names of the layers that an output depends on, itself included, but `known`."""
    found: set[str] = set()
    waiting = [layer]
    while waiting:
        layer = waiting.pop()
        if layer.name in known | found:
            continue
        found.add(layer.name)
        if not isinstance(layer, keras.layers.InputLayer):
            inputs = keras.tree.flatten(layer.input)
            waiting += [graph.producer(tensor) for tensor in inputs]
    return found
