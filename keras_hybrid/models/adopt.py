"""A model that someone built around a network, in the form of this package's models."""

from typing import Any

import keras

from keras_hybrid.layers.factories import dense
from keras_hybrid.models.assembly import HEAD, PREDICTIONS
from keras_hybrid.models.graph import clone_layer
from keras_hybrid.models.last_operation import LINEAR, activation, last_operation
from keras_hybrid.ops import at_least_float32

_ACTIVATIONS = ("softmax", "sigmoid")
# Augmentation, which does nothing to predictions; a RandomCrop takes the center.
_RANDOM = tuple(
    getattr(keras.layers, name)
    for name in dir(keras.layers)
    if name.startswith("Random") and name != "RandomCrop"
)


def adopt(model: keras.Model) -> keras.Model:
    """The same function of the image with a classifier that `logits` finds.

    Models within the model, such as a network of this package that is called like a
    layer, become part of it. Layers of random augmentation are left out. The last dense
    layer becomes the classifier, and the activation a layer of its own. A model that
    has this form is returned as it is; of others the weights are copied.

    Args:
        model: A functional model that ends in a dense layer, with a softmax, a sigmoid
            or no activation.

    Raises:
        ValueError: If it is no such model.

    Example:
        >>> inputs = keras.Input((224, 224, 3))
        >>> x = ConViTTiny(include_top=False, pooling="avg")(inputs, training=False)
        >>> model = adopt(keras.Model(inputs, keras.layers.Dense(10)(x)))
    """
    nested = any(isinstance(layer, keras.Model) for layer in model.layers)
    if not nested and any(layer.name == HEAD for layer in model.layers):
        return model
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(f"{model.name} has several inputs or outputs.")
    image = keras.Input(model.inputs[0].shape[1:], name="image")
    flat = _flat(model)
    outputs = keras.Function(flat.inputs[0], flat.outputs[0]).call(image)
    last, inputs = last_operation(outputs)
    final = activation(last)
    if not isinstance(last, keras.layers.Dense) and final in _ACTIVATIONS:
        last, inputs = last_operation(inputs)
    if not isinstance(last, keras.layers.Dense) or final not in (LINEAR, *_ACTIVATIONS):
        raise ValueError(
            f"{model.name} ends in {type(last).__name__} ({final}), not in a dense "
            "layer with a softmax, a sigmoid or no activation: end it in "
            "keras.layers.Dense."
        )
    head = dense(last.units, HEAD)
    outputs = head(inputs)
    head.kernel.assign(last.kernel)
    if last.bias is not None:
        head.bias.assign(last.bias)
    if final != LINEAR:
        dtype = at_least_float32(outputs.dtype)
        outputs = keras.layers.Activation(final, dtype=dtype, name=PREDICTIONS)(outputs)
    joined = keras.Model(image, outputs, name=model.name)
    # anew, so that each layer is called in this graph alone
    model = keras.Model.from_config(joined.get_config())
    model.set_weights(joined.get_weights())
    return model


def _flat(model: keras.Model, prefix: str = "") -> keras.Model:
    """A copy of a model in which the layers of models within are its own."""

    def clone(layer: keras.Layer) -> keras.Layer:
        if not isinstance(layer, keras.Layer):
            return layer  # an operation, as keras.ops.softmax
        name = f"{prefix}{layer.name}"
        if isinstance(layer, keras.Model):
            return _flat(layer, f"{name}_")
        return clone_layer(layer, name=name)

    def call(layer: keras.Layer, x: Any, *others: Any, **keywords: Any) -> Any:
        if isinstance(layer, _RANDOM):
            return x
        if isinstance(layer, keras.Model):
            layers = keras.Function(layer.inputs[0], layer.outputs[0])
            return layers.call(x)  # each of them, not the model
        return layer(x, *others, **keywords)

    functional = keras.Model(model.inputs[0], model.outputs[0])  # a Sequential, too
    return keras.models.clone_model(
        functional, clone_function=clone, call_function=call
    )
