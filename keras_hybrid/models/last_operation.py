"""What a model ends in."""

from typing import Any

import keras

from keras_hybrid.utils.typing import Tensor

LINEAR = "linear"
_PASSED = (
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.Identity,
    keras.layers.Reshape,
)


def last_operation(tensor: Tensor) -> tuple[Any, Tensor]:
    """The layer or operation that computes a symbolic tensor, and its first input.

    Layers that leave the values as they are, as dropout and linear activations, are
    passed over. So are the borders of models within the model.
    """
    operation, node, index = tensor._keras_history
    if isinstance(operation, keras.Model):
        return last_operation(operation.outputs[index])
    inputs = operation._inbound_nodes[node].input_tensors
    first = inputs[0] if inputs else None
    linear = isinstance(operation, keras.layers.Activation) and (
        activation(operation) == LINEAR
    )
    if first is not None and (linear or isinstance(operation, _PASSED)):
        return last_operation(first)
    return operation, first


def activation(operation: Any) -> str:
    """Name of the activation of a layer or operation; `"linear"` if it has none."""
    function = getattr(operation, "activation", None)
    name = getattr(function, "__name__", type(operation).__name__)
    known = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
    return known.get(name, name if function is not None else LINEAR)
