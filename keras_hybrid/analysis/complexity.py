"""Parameters and multiply-adds of a model, per layer."""

import dataclasses
import math
from typing import Any

import keras

from keras_hybrid.layers.factories import dense_macs
from keras_hybrid.utils.typing import Shape


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """Parameters and multiply-adds of one layer.

    Attributes:
        name: Name of the layer.
        kind: Name of the layer's class.
        parameters: Number of trainable parameters.
        macs: Multiply-adds (MACs) per image.
    """

    name: str
    kind: str
    parameters: int
    macs: int


def macs(model: keras.Model) -> int:
    """Multiply-adds (MACs) of a functional model per image.

    The count covers convolutions, dense layers and both matrix products of attention,
    as they are computed. It leaves out norms, activations, sums and pooling.

    Raises:
        ValueError: If the model's input has a dynamic height or width (None).
        NotImplementedError: If a layer has a kernel but its class has no count.

    Example:
        >>> macs(models.ConViTTiny())
        1258287360
    """
    return sum(cost.macs for cost in breakdown(model))


def breakdown(model: keras.Model) -> list[LayerCost]:
    """The cost of every layer, in the order of `model.layers`; see `macs`."""
    if None in model.input_shape[1:]:
        raise ValueError(
            f"{model.name} takes images of any size: build it with the input_shape to "
            "count."
        )
    nodes = {x["name"]: x["inbound_nodes"] for x in model.get_config()["layers"]}
    return [
        LayerCost(
            layer.name,
            type(layer).__name__,
            sum(math.prod(weight.shape) for weight in layer.trainable_weights),
            sum(_layer_macs(layer, _shapes(node)) for node in nodes[layer.name]),
        )
        for layer in model.layers
    ]


def _layer_macs(layer: keras.Layer, shapes: list[Shape]) -> int:
    if hasattr(layer, "macs"):
        return layer.macs(*shapes)
    for kind, count in KERAS_LAYERS.items():
        if isinstance(layer, kind):
            return count(layer, shapes[0])
    if any(weight.path.endswith("kernel") for weight in layer.weights):
        raise NotImplementedError(
            f"{type(layer).__name__} has no count of its multiply-adds: give it a "
            "method macs(*input_shapes)."
        )
    return 0


def _shapes(node: Any) -> list[Shape]:
    """Shapes of the tensors that a layer is called with, in the order of the call."""
    if isinstance(node, dict):
        if node.get("class_name") == "__keras_tensor__":
            return [tuple(node["config"]["shape"])]
        node = list(node.values())
    if not isinstance(node, list | tuple):
        return []
    return [shape for part in node for shape in _shapes(part)]


def _conv(layer: keras.Layer, shape: Shape) -> int:
    outputs = math.prod(layer.compute_output_shape(shape)[1:])
    return outputs * math.prod(layer.kernel.shape[:-1])


def _depthwise(layer: keras.Layer, shape: Shape) -> int:
    outputs = math.prod(layer.compute_output_shape(shape)[1:])
    return outputs * math.prod(layer.kernel_size)


KERAS_LAYERS = {
    keras.layers.Dense: lambda layer, shape: dense_macs(shape, layer.units),
    keras.layers.DepthwiseConv2D: _depthwise,
    keras.layers.Conv2D: _conv,
}
