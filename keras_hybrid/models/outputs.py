"""What a model makes of its logits: probabilities, or numbers in their unit."""

import keras

from keras_hybrid.models.assembly import PREDICTIONS, classifier, logits
from keras_hybrid.models.last_operation import activation as activation_of
from keras_hybrid.models.last_operation import last_operation
from keras_hybrid.ops import at_least_float32
from keras_hybrid.utils.typing import Tensor


def in_units(model: keras.Model, mean: float, std: float) -> keras.Model:
    """The model that gives numbers in their unit: `mean + std * logits`.

    So the logits of a trained model are standardized, whatever the unit.

    Args:
        model: A model built with its classifier; all its layers are shared.
        mean: Mean of the numbers in training.
        std: Their standard deviation, above 0.

    Returns:
        Images `(B, H, W, channels)` to numbers `(B, outputs)`.

    Raises:
        ValueError: If `model` has no classifier, or `std` is 0.
    """
    if not std > 0:
        raise ValueError("All numbers are equal: there is nothing to learn.")
    head = logits(model)
    unit = keras.layers.Rescaling(
        std, mean, dtype=at_least_float32(head.output.dtype), name=PREDICTIONS
    )
    return keras.Model(head.input, unit(head.output), name=model.name)


def units(model: keras.Model) -> tuple[float, float] | None:
    """Mean and standard deviation of a model that `in_units` made; None for others."""
    last, _ = last_operation(model.outputs[0])
    if not isinstance(last, keras.layers.Rescaling):
        return None
    return float(last.offset), float(last.scale)


def output_name(model: keras.Model) -> str:
    """What a model puts out: `"logits"`, `"probabilities"` or `"values"` in units.

    It is the name of the output in exported files.
    """
    if units(model):
        return "values"
    return "probabilities" if _are_probabilities(model.outputs[0]) else "logits"


def with_probabilities(model: keras.Model, activation: str) -> keras.Model:
    """The model with an activation after its logits, which it puts out so far.

    Args:
        model: A model built with its classifier; all its layers are shared.
        activation: `"softmax"` or `"sigmoid"`.

    Raises:
        ValueError: If `model` has no classifier.
    """
    head = logits(model)
    dtype = at_least_float32(head.output.dtype)
    layer = keras.layers.Activation(activation, dtype=dtype, name=PREDICTIONS)
    return keras.Model(head.input, layer(head.output), name=model.name)


def _are_probabilities(tensor: Tensor) -> bool:
    """Whether a symbolic tensor comes out of a softmax or sigmoid, or their mean."""
    last, _ = last_operation(tensor)
    if isinstance(last, keras.layers.Average):
        return all(map(_are_probabilities, last.input))
    return activation_of(last) in ("softmax", "sigmoid")


def after_logits(model: keras.Model, values: Tensor) -> Tensor:
    """What a model makes of logits.

    Args:
        model: A model built with its classifier.
        values: Logits `(B, outputs)`.

    Raises:
        ValueError: If `model` has no classifier.
    """
    last = model.layers[-1]
    return values if last is classifier(model) else last(values)
