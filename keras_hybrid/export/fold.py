"""Folds a trained model for inference: constants, norms and scales into weights."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_hybrid import layers
from keras_hybrid.export.class_only import class_only
from keras_hybrid.models.graph import Graph, clone_graph, clone_layer
from keras_hybrid.models.quantized import refuse_quantized
from keras_hybrid.utils.typing import Tensor


@dataclasses.dataclass(frozen=True)
class _Inner:
    """Batch norms inside a layer.

    Attributes:
        setting: The layer's setting without them.
        after: A linear layer, and the norm after it.
        before: A linear layer, and the norm before it.
    """

    setting: Mapping[str, bool]
    after: Sequence[tuple[str, str]]
    before: Sequence[tuple[str, str]] = ()


_FOLDED = {"folded": True}
_INSIDE = {
    layers.ConvProjection: _Inner(_FOLDED, [("conv", "norm")]),
    layers.LeFF: _Inner(
        {"use_norm": False},
        [
            ("expand", "expand_norm"),
            ("conv", "conv_norm"),
            ("project", "project_norm"),
        ],
    ),
    layers.MBConv: _Inner(
        _FOLDED,
        [("expand", "expand_norm"), ("conv", "conv_norm")],
        before=[("expand", "norm")],
    ),
    layers.ResidualEmbedding: _Inner(
        _FOLDED,
        [("conv1", "norm1"), ("conv2", "norm2"), ("shortcut", "shortcut_norm")],
    ),
    layers.SeparableUnit: _Inner(
        _FOLDED, [("conv", "conv_norm"), ("linear", "linear_norm")]
    ),
}
# Layers whose input goes to, or whose output comes from, a linear layer: its name.
_ENTRIES: dict[type, str | None] = {layers.Dense: None, layers.RelativeAttention: "qkv"}
_EXITS: dict[type, str | None] = {
    layers.Dense: None,
    layers.PaddedConv2D: None,
    layers.PaddedDepthwiseConv2D: None,
    layers.RelativeAttention: "project",
}
# Layers across which a scale and shift of channels may be moved.
_TRANSPARENT = (
    keras.layers.AveragePooling2D,
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
    layers.MeanOfViews,
    layers.SelectToken,
)


def fold(model: keras.Model) -> keras.Model:
    """The same function of the image in fewer operations, for inference.

    - Batch norms and LayerScale become part of the dense layer or convolution before
      or after them.
    - The factors and offsets of a layer norm become part of the linear layers after
      it, where nothing else reads it.
    - GPSA's positional attention and relative position biases become constants.
    - Dropout, stochastic depth and the LeFF that no logit reads are left out. So are
      the patches of the last block, where only its class token is read.

    Every step is exact but for rounding. What cannot be moved without a difference
    stays: a batch norm before an activation or after a gate (`norm_activation` and
    `squeeze_early` of some CoAtNetRW), and the factors of a layer norm before a
    convolution whose zero padding they do not reach (CvT, ATC), or before a class
    token that is passed on (CeiT).

    Args:
        model: A model of this package; it is left as it is.

    Returns:
        A new model with the layers' names. It may be saved, but not be trained, and
        the features of a last block without patches are gone.

    Raises:
        ValueError: If `model` is no functional model, or Keras has quantized it.
    """
    refuse_quantized(model, "export the model from before, as litert_int8 for 8 bits")
    try:
        model = keras.Model(model.input, model.output, name=model.name)
    except (AttributeError, ValueError) as error:
        raise ValueError("Only a functional model can be folded.") from error
    return _merge_neighbours(class_only(_simplify_layers(model)))


def _simplify_layers(model: keras.Model) -> keras.Model:
    """Simplifies every layer by itself."""
    folded = {layer.name: _simplified(layer) for layer in model.layers}
    return clone_graph(model, folded)


def _simplified(layer: keras.Layer) -> keras.Layer | None:
    """A simpler layer with equal outputs at inference; None for the identity."""
    if isinstance(layer, keras.layers.Dropout | layers.DropPath):
        return None
    if isinstance(layer, layers.LeFF) and len(keras.tree.flatten(layer.input)) == 1:
        return None  # the class token alone passes unchanged
    if type(layer) in _INSIDE:
        return _without_norms(layer)
    if isinstance(layer, layers.GatedPositionalAttention):
        return _with_constant_positions(layer)
    if isinstance(layer, layers.RelativeAttention) and layer.source != "constant":
        new = clone_layer(layer, source="constant")
        image = ops.zeros((1, *layer.position.grid, 1))
        new.position.constant.assign(layer.position(image, training=False))
        return new
    return clone_layer(layer)


def _without_norms(layer: keras.Layer) -> keras.Layer:
    inner = _INSIDE[type(layer)]
    new = clone_layer(layer, **inner.setting)

    def gone(norm: str) -> bool:
        former = getattr(layer, norm, None)
        return former is not None and type(former) is not type(getattr(new, norm, None))

    for linear, norm in inner.before:
        if gone(norm) and (affine := _affine(getattr(layer, norm))):
            _apply_before(getattr(new, linear), *affine)
    for linear, norm in inner.after:
        if gone(norm) and (affine := _affine(getattr(layer, norm))):
            _apply_after(getattr(new, linear), *affine)
    return new


def _with_constant_positions(layer: layers.GatedPositionalAttention) -> keras.Layer:
    new = layers.FixedPositionalAttention(
        layer.heads, name=layer.name, dtype=layer.dtype_policy
    )
    new.build_from_config(layer.get_build_config())
    _, height, width, _ = layer.input[0].shape
    gate = ops.sigmoid(layer.gate)
    rows, columns = layer.axis_weights(height, width)
    new.share.assign(1 - gate[:, None])
    new.rows.assign(gate[:, None, None] * rows)
    new.columns.assign(columns)
    return new


def _merge_neighbours(model: keras.Model) -> keras.Model:
    """Moves scales and shifts of channels into the linear layers around them."""
    graph = Graph(model)
    folded: dict[str, keras.Layer | None] = {}

    def linear(layer: keras.Layer, table: Mapping[type, str | None]) -> keras.Layer:
        """The linear layer in a layer, with a bias, in the new model."""
        new = folded.get(layer.name)
        if new is None:
            bias = {"use_bias": True} if hasattr(layer, "use_bias") else {}
            new = folded[layer.name] = clone_layer(layer, **bias)
        inner = table[type(layer)]
        return getattr(new, inner) if inner else new

    for layer in model.layers:
        affine = _affine(layer)
        if affine is None:
            continue
        is_norm = isinstance(layer, keras.layers.LayerNormalization)
        producer = None if is_norm else _linear_producer(graph, layer)
        consumers = _linear_consumers(graph, layer.output)
        if producer is not None:
            _apply_after(linear(producer, _EXITS), *affine)
        elif consumers:
            for consumer in consumers:
                _apply_before(linear(consumer, _ENTRIES), *affine)
        else:
            continue
        plain = {"center": False, "scale": False}
        folded[layer.name] = clone_layer(layer, **plain) if is_norm else None
    copies = {x.name: clone_layer(x) for x in model.layers if x.name not in folded}
    return clone_graph(model, copies | folded)


def _linear_producer(graph: Graph, layer: keras.Layer) -> keras.Layer | None:
    """The linear layer whose output goes to this layer alone; or None."""
    producer = graph.producer(layer.input)
    alone = graph.consumers(layer.input) == [layer]
    return (
        producer
        if alone and type(producer) in _EXITS and _is_linear(producer)
        else None
    )


def _linear_consumers(graph: Graph, tensor: Tensor) -> list[keras.Layer]:
    """The linear layers that consume a tensor; empty if other layers do, too."""
    found: list[keras.Layer] = []
    for layer in graph.consumers(tensor):
        if isinstance(layer, _TRANSPARENT):
            more = _linear_consumers(graph, layer.output)
        else:
            more = [layer] if type(layer) in _ENTRIES else []
        if not more:
            return []
        found += more
    return found


def _is_linear(layer: keras.Layer) -> bool:
    activation = getattr(layer, "activation", None)
    return activation in (None, keras.activations.linear)


def _affine(layer: keras.Layer) -> tuple[Any, Any] | None:
    """The scale and shift that a layer applies to channels last; None without."""
    if isinstance(layer, keras.layers.BatchNormalization):
        deviation = np.sqrt(_array(layer.moving_variance) + layer.epsilon)
        scale = (_array(layer.gamma) if layer.scale else 1) / deviation
        shift = _array(layer.beta) if layer.center else 0
        return scale, shift - _array(layer.moving_mean) * scale
    if isinstance(layer, keras.layers.LayerNormalization):
        if not (layer.scale and layer.center):
            return None
        return _array(layer.gamma), _array(layer.beta)
    if isinstance(layer, layers.LayerScale):
        return _array(layer.gamma), 0
    return None


def _apply_after(linear: keras.Layer, scale: np.ndarray, shift: np.ndarray) -> None:
    """Makes a linear layer return `scale * y + shift` for its y, per channel."""
    is_depthwise = isinstance(linear, layers.PaddedDepthwiseConv2D)
    factors = scale[:, None] if is_depthwise else scale
    linear.kernel.assign(_array(linear.kernel) * factors)
    linear.bias.assign(_array(linear.bias) * scale + shift)


def _apply_before(linear: keras.Layer, scale: np.ndarray, shift: np.ndarray) -> None:
    """Makes a dense layer `(C, C')` take `scale * x + shift` for its x."""
    kernel = _array(linear.kernel)
    linear.bias.assign(_array(linear.bias) + shift @ kernel)
    linear.kernel.assign(kernel * scale[:, None])


def _array(weight: Tensor) -> np.ndarray:
    return ops.convert_to_numpy(weight).astype("float64")
