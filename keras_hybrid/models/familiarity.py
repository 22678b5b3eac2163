"""The rejection rule within a classifier: which images are unlike those it knows."""

import keras

from keras_hybrid.layers import ChannelStatistics, Familiarity, ImageStatistics
from keras_hybrid.models.assembly import (
    PREDICTIONS,
    classifier,
    features,
    takes_pixels,
)
from keras_hybrid.models.graph import clone_layer
from keras_hybrid.utils.rejection import KNOWN

_PIXEL_UNIT = 64.0
"""Pixels in [0, 255] over this number vary as much as normalized images do."""


def with_familiarity(model: keras.Model) -> keras.Model:
    """The classifier with a `Familiarity` layer between its logits and probabilities.

    The layer reads the logits, the first map of `features`, and the image. The output
    stays the same.

    Args:
        model: A model built with its classifier and an activation after it; all layers
            but the activation are shared. A `Familiarity` layer that it has is left
            out.

    Raises:
        ValueError: If `model` has no classifier, or ends in logits.
    """
    head, last = classifier(model), model.layers[-1]
    if last.name != PREDICTIONS:
        raise ValueError(f"{model.name} ends in logits: it needs an activation.")
    first = next(iter(features(model).output.values()))
    statistics = ChannelStatistics(name="channel_statistics")(first)
    unit = _PIXEL_UNIT if takes_pixels(model) else 1.0
    image = ImageStatistics(unit, name="image_statistics")(model.inputs[0])
    logits, _ = Familiarity(name=KNOWN)([head.output, statistics, image])
    return keras.Model(model.input, clone_layer(last)(logits), name=model.name)


def without_familiarity(model: keras.Model) -> keras.Model:
    """The classifier without its `Familiarity` layer; all other layers are shared."""
    if familiarity(model) is None:
        return model
    logits = classifier(model).output
    last = clone_layer(model.layers[-1])
    return keras.Model(model.input, last(logits), name=model.name)


def familiarity(model: keras.Model) -> Familiarity | None:
    """The `Familiarity` layer of a model, if it has one."""
    found = (layer for layer in model.layers if isinstance(layer, Familiarity))
    return next(found, None)


def known(model: keras.Model) -> keras.Model | None:
    """Images to `known`, `(B, 1)` in [0, 1]; None for a model without `Familiarity`."""
    layer = familiarity(model)
    return layer and keras.Model(model.input, layer.output[1], name=KNOWN)
