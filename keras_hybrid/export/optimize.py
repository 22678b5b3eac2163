"""A model for inference: folded, with weights in the dtype that computes."""

import re

import keras

from keras_hybrid.export.fold import fold
from keras_hybrid.models.graph import clone_graph, clone_layer

_NORMS = (keras.layers.BatchNormalization, keras.layers.LayerNormalization)


def optimize_for_inference(model: keras.Model) -> keras.Model:
    """The same function of the image in fewer operations, if the model allows it.

    The model is folded, see `fold`. In mixed precision its weights are cast once, and
    not in every call.

    Args:
        model: Any model; it is left as it is.

    Returns:
        A new model for inference only, or `model` itself if it cannot be folded: it is
        quantized, no functional model, or calls a layer with `training=True`.

    Example:
        >>> faster = optimize_for_inference(keras.saving.load_model("model.keras"))
    """
    try:
        if _trains_within(model):
            return model
        return _cast_weights(fold(model))
    except ValueError:
        return model


def _trains_within(model: keras.Model) -> bool:
    """Whether a layer was called with `training=True`, e.g. for random predictions."""
    if not hasattr(model, "input"):
        raise ValueError(f"{model.name} is not functional.")
    graph = keras.Model(model.input, model.output).get_config()["layers"]
    nodes = (node for layer in graph for node in layer["inbound_nodes"])
    return any(node["kwargs"].get("training") for node in nodes)


def _cast_weights(model: keras.Model) -> keras.Model:
    """The model whose layers in mixed precision have their weights in 16 bits.

    Layers with a norm keep theirs: norms read their weights in float32.
    """
    copies = {
        layer.name: clone_layer(layer, dtype=layer.compute_dtype)
        for layer in model.layers
        if re.fullmatch(r"mixed_b?float16", layer.dtype_policy.name)
        and not _has_norm(layer)
    }
    if not copies:
        return model
    others = {x.name: clone_layer(x) for x in model.layers if x.name not in copies}
    return clone_graph(model, copies | others)


def _has_norm(layer: keras.Layer) -> bool:
    # Keras has no public walk through layers within layers
    return any(isinstance(inner, _NORMS) for inner in layer._flatten_layers())
