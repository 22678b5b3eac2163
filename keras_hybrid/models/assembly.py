"""What every family shares: input and preprocessing, head, features, head swap."""

import pathlib
from typing import Any

import keras
from keras import layers

from keras_hybrid.layers.factories import dense
from keras_hybrid.models.checkpoints import Checkpoint, load_checkpoint, resolve
from keras_hybrid.models.family import Family, Preprocessing
from keras_hybrid.models.input_shape import check_input_shape
from keras_hybrid.ops import at_least_float32
from keras_hybrid.utils.typing import Tensor

COMMON_ARGUMENTS = {
    "include_top": "Whether to end in the classifier.",
    "weights": "None; 'imagenet' for the published weights of the variant; the name"
    " of a published checkpoint; 'hf://owner/repository'; or the path of a `.keras`,"
    " `.weights.h5` or torch file. The preprocessing, and the default of input_shape"
    " and classes, follow a published checkpoint.",
    "input_shape": "`(height, width, channels)`; None for a dynamic height or width.",
    "pooling": "Output without the top: None for the last feature map, 'avg' or 'max'"
    " of it, or 'head' for the vector that the classifier reads.",
    "classes": "Number of classes.",
    "classifier_activation": "Activation after the logits; None returns logits.",
    "include_preprocessing": "Whether the model takes pixels in [0, 255] and"
    " normalizes them itself; False takes normalized input.",
    "dropout_rate": "Dropout before the classifier, in [0, 1).",
    "name": "Name of the model.",
}
HEAD = "head"
"""Name of the classifier in every model, and so in checkpoints."""
PREDICTIONS = "predictions"
"""Name of the layer after the logits: their activation, or their unit."""

_PREPROCESSING = "preprocessing"
POOLINGS = (None, "avg", "max", "head")


def assemble(
    family: Family,
    config: Any,
    *,
    include_top: bool = True,
    weights: Checkpoint | str | pathlib.Path | None = None,
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    include_preprocessing: bool = True,
    dropout_rate: float = 0.0,
    name: str | None = None,
) -> keras.Model:
    """Builds a model: input, preprocessing, `family.network`, and the classifier.

    Args:
        family: The family, whose network is built.
        config: The hyper-parameters, an instance of `family.config`.
        include_top, weights, input_shape, pooling, classes, classifier_activation,
            include_preprocessing, dropout_rate, name: See `COMMON_ARGUMENTS`.

    Returns:
        A functional model: images `(B, H, W, channels)` to probabilities
        `(B, classes)`, or to features without the top.

    Raises:
        FileNotFoundError: If there is no file `weights`.
        ValueError: If an argument is out of range, or the weights do not fit.
    """
    if pooling not in POOLINGS:
        raise ValueError(f"pooling must be one of {POOLINGS}, not {pooling!r}.")
    if classes < 1:
        raise ValueError(f"classes must be 1 or more, not {classes}.")
    input_shape = check_input_shape(input_shape)
    checkpoint = None if weights is None else resolve(weights, name or family.name)
    inputs = keras.Input(input_shape, name="image")
    x = inputs
    if include_preprocessing:
        known = checkpoint and checkpoint.preprocessing
        x = _normalization(known or family.preprocessing, input_shape[-1])(x)
    ends_in_map = not include_top and pooling != "head"
    if ends_in_map:
        config = family.with_map(config)
    feature_map, vector = family.network(x, config)
    if include_top:
        outputs = _classifier(vector, classes, classifier_activation, dropout_rate)
    elif ends_in_map:
        outputs = _pooled(feature_map, pooling)
    else:
        outputs = vector
    model = keras.Model(inputs, outputs, name=name)
    if checkpoint:
        load_checkpoint(model, checkpoint)
    return model


def features(model: keras.Model) -> keras.Model:
    """A model with the same input that returns every named feature map in a dict.

    A `FeatureOutput` layer gives a map its name.

    Example:
        >>> maps = features(CvT13())(images)  # {"stage1": (B, 56, 56, 64), ...}
    """
    maps = {x.name: x.feature for x in model.layers if hasattr(x, "feature")}
    return keras.Model(model.input, maps, name=f"{model.name}_features")


def with_head(
    model: keras.Model,
    classes: int,
    classifier_activation: str | None = "softmax",
    dropout_rate: float = 0.0,
) -> keras.Model:
    """The same network with a new classifier; all other layers are shared.

    Args:
        model: A model built with its top.
        classes: Number of classes of the new classifier.
        classifier_activation: Activation after the logits; None returns logits.
        dropout_rate: Dropout before the classifier.

    Raises:
        ValueError: If `model` has no classifier.
    """
    head = classifier(model)
    dropout = [x for x in model.layers if x.name == f"{HEAD}_dropout"]
    vector = (dropout or [head])[0].input
    outputs = _classifier(vector, classes, classifier_activation, dropout_rate)
    return keras.Model(model.input, outputs, name=model.name)


def logits(model: keras.Model) -> keras.Model:
    """The same network without the activation after its logits.

    Raises:
        ValueError: If `model` has no classifier.
    """
    return keras.Model(model.input, classifier(model).output, name=model.name)


def classifier(model: keras.Model) -> keras.Layer:
    """The linear layer that computes the logits.

    Raises:
        ValueError: If `model` has no classifier.
    """
    for layer in model.layers:
        if layer.name == HEAD:
            return layer
    raise ValueError(f"{model.name} was built without a classifier (include_top).")


def takes_pixels(model: keras.Model) -> bool:
    """Whether a model takes pixels in [0, 255] and normalizes them itself."""
    kinds = (keras.layers.Rescaling, keras.layers.Normalization)
    inner = [layer for layer in model.layers if layer.name != PREDICTIONS]
    return any(
        takes_pixels(x) if isinstance(x, keras.Model) else isinstance(x, kinds)
        for x in inner
    )


def normalization(
    model: keras.Model,
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Mean and standard deviation by which a model normalizes pixels in [0, 1].

    They are rounded to six decimals. None for a model that takes normalized images.
    """
    for layer in model.layers:
        if layer.name.endswith(_PREPROCESSING):  # a member of an ensemble has a prefix
            config = layer.get_config()
            std = [1 / (255 * scale) for scale in config["scale"]]
            mean = [-x * s for x, s in zip(config["offset"], std, strict=True)]
            return tuple(round(x, 6) for x in mean), tuple(round(x, 6) for x in std)
    return None


def _normalization(preprocessing: Preprocessing, channels: int) -> keras.Layer:
    mean, std = preprocessing.mean, preprocessing.std
    if channels != len(mean):  # e.g. greyscale: the mean over the channels
        mean = (sum(mean) / len(mean),) * channels
        std = (sum(std) / len(std),) * channels
    return layers.Rescaling(
        scale=[1 / (255 * s) for s in std],
        offset=[-m / s for m, s in zip(mean, std, strict=True)],
        name=_PREPROCESSING,
    )


def _pooled(feature_map: Tensor, pooling: str | None) -> Tensor:
    if pooling is None:
        return feature_map
    pool = {"avg": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D}
    return pool[pooling](data_format="channels_last", name="pool")(feature_map)


def _classifier(
    vector: Tensor, classes: int, activation: str | None, dropout_rate: float
) -> Tensor:
    if dropout_rate:
        vector = layers.Dropout(dropout_rate, name=f"{HEAD}_dropout")(vector)
    outputs = dense(classes, HEAD)(vector)
    if activation is not None:
        # so that probabilities keep their precision under mixed policies
        dtype = at_least_float32(outputs.dtype)
        outputs = layers.Activation(activation, dtype=dtype, name=PREDICTIONS)(outputs)
    return outputs
