"""What every family shares: input and preprocessing, head, features, head swap."""

import dataclasses

import keras
from keras import layers

from keras_hybrid.layers.factories import dense
from keras_hybrid.models.checkpoints import load_checkpoint

COMMON_ARGUMENTS = {
    "include_top": "Whether to end in the classifier.",
    "weights": "None, or the path of a `.keras`, `.weights.h5`, `.safetensors` or"
    " `.pth` file.",
    "input_shape": "`(height, width, channels)`; None for a free height or width.",
    "pooling": "Without the top: None for the last map, 'avg', 'max', or 'head' for"
    " the vector that the classifier would read.",
    "classes": "Number of classes.",
    "classifier_activation": "Activation after the logits; None returns logits.",
    "include_preprocessing": "Whether the model takes pixels in [0, 255] and"
    " normalises them itself; False takes normalised input.",
    "dropout_rate": "Dropout before the classifier, in [0, 1).",
    "name": "Name of the model.",
}
POOLINGS = (None, "avg", "max", "head")


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """How images become input, as the published weights expect it.

    Attributes:
        mean, std: Per channel, of pixels scaled to [0, 1].
        crop: Share of the resized image that the central crop keeps.
        interpolation: Filter of the resize.
    """

    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    crop: float = 0.875
    interpolation: str = "bicubic"


IMAGENET = Preprocessing()


def assemble(
    family,
    config,
    *,
    include_top: bool = True,
    weights: str | None = None,
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    include_preprocessing: bool = True,
    dropout_rate: float = 0.0,
    name: str | None = None,
) -> keras.Model:
    """Builds `family.network` between its input and its head.

    The network maps a normalised image to `(map, vector)`: the last feature map
    `(B, h, w, C)` and the normalised vector `(B, C)` that the classifier reads. The
    map may be a function that builds it, where the vector does not pass by it.
    """
    if pooling not in POOLINGS:
        raise ValueError(f"pooling must be one of {POOLINGS}, not {pooling!r}.")
    if classes < 1:
        raise ValueError(f"classes must be 1 or more, not {classes}.")
    inputs = keras.Input(input_shape, name="image")
    x = inputs
    if include_preprocessing:
        x = _normalisation(family.preprocessing, input_shape[-1])(x)
    feature_map, vector = family.network(x, config)
    if include_top:
        outputs = _classifier(vector, classes, classifier_activation, dropout_rate)
    elif pooling == "head":
        outputs = vector
    else:
        outputs = _pooled(feature_map, pooling)
    model = keras.Model(inputs, outputs, name=name)
    if weights is not None:
        load_checkpoint(model, str(weights))
    return model


def features(model: keras.Model) -> keras.Model:
    """A model with the same input that returns every named feature in a dict.

    Example:
        >>> maps = features(CvT13())(images)  # {"stage1": (B, 56, 56, 64), ...}
    """
    taps = {x.name: x.feature for x in model.layers if hasattr(x, "feature")}
    return keras.Model(model.input, taps, name=f"{model.name}_features")


def with_head(
    model: keras.Model,
    classes: int,
    classifier_activation: str | None = "softmax",
    dropout_rate: float = 0.0,
) -> keras.Model:
    """The same network, its layers shared, under a new classifier.

    Args:
        model: A model built with its top.
        classes: Number of classes of the new classifier.
        classifier_activation: Activation after the logits; None returns logits.
        dropout_rate: Dropout before the classifier.

    Raises:
        ValueError: If `model` has no classifier.
    """
    names = [layer.name for layer in model.layers]
    if "head" not in names:
        raise ValueError(f"{model.name} was built without a classifier (include_top).")
    first = "head_dropout" if "head_dropout" in names else "head"
    vector = model.get_layer(first).input
    outputs = _classifier(vector, classes, classifier_activation, dropout_rate)
    return keras.Model(model.input, outputs, name=model.name)


def logits(model: keras.Model) -> keras.Model:
    """The model up to its logits, whatever activation follows them.

    Raises:
        ValueError: If `model` has no classifier.
    """
    if "head" not in [layer.name for layer in model.layers]:
        raise ValueError(f"{model.name} was built without a classifier (include_top).")
    return keras.Model(model.input, model.get_layer("head").output, name=model.name)


def _normalisation(preprocessing: Preprocessing, channels: int):
    mean, std = preprocessing.mean, preprocessing.std
    if channels != len(mean):  # greyscale and the like: one value for all
        mean = (sum(mean) / len(mean),) * channels
        std = (sum(std) / len(std),) * channels
    return layers.Rescaling(
        scale=[1 / (255 * s) for s in std],
        offset=[-m / s for m, s in zip(mean, std, strict=True)],
        name="preprocessing",
    )


def _pooled(feature_map, pooling):
    if callable(feature_map):
        feature_map = feature_map()
    if pooling is None:
        return feature_map
    pool = {"avg": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D}
    return pool[pooling](data_format="channels_last", name="pool")(feature_map)


def _classifier(vector, classes, activation, dropout_rate):
    if dropout_rate:
        vector = layers.Dropout(dropout_rate, name="head_dropout")(vector)
    outputs = dense(classes, "head")(vector)
    if activation is not None:
        # float32, so that probabilities keep their precision under mixed policies
        outputs = layers.Activation(activation, dtype="float32", name="predictions")(
            outputs
        )
    return outputs
