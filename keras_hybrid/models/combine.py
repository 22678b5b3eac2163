"""Models that average: over views of an image, or over several networks.

The classifier is linear. So the mean of the logits is the logits of mean vectors, or
of concatenated vectors with stacked kernels: the result is an ordinary model with one
classifier, which can be saved, folded and exported like the others.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_hybrid.layers import Familiarity, MeanOfViews, StackViews
from keras_hybrid.layers.factories import dense
from keras_hybrid.models.assembly import HEAD, classifier, takes_pixels
from keras_hybrid.models.graph import Graph, clone_graph, clone_layer
from keras_hybrid.models.outputs import units
from keras_hybrid.utils.typing import Tensor


def average_views(model: keras.Model, views: str = "flip") -> keras.Model:
    """The model that averages its logits over views of each image.

    Such test-time augmentation costs the time of all views. The weights are copied: to
    average a network after more training, call this again.

    Args:
        model: A model built with its classifier.
        views: `"flip"`: the image and its mirror image. `"flip_shift"`: these, and both
            shifted diagonally by a 32nd of the height. `"d4"`: all rotations by quarter
            turns and their mirror images, for images without an up, which are square.

    Raises:
        ValueError: If the model has no classifier or the views do not fit its images.
    """
    check_views(model, views)
    readers = Graph(model).consumers(model.inputs[0])
    first = {layer.name for layer in readers if layer}
    stack = StackViews(views, name="views")
    mean = MeanOfViews(stack.count, name="mean_of_views")
    stacked: list[Tensor] = []

    def call(layer: keras.Layer, x: Any, *others: Any, **keywords: Any) -> Any:
        if layer.name == HEAD:
            x = mean(x)
        elif isinstance(layer, Familiarity):
            x = [x[0], *map(mean, x[1:])]  # the logits are of the mean already
        elif layer.name in first:
            stacked[:] = stacked or [stack(x)]
            x = stacked[0]
        return layer(x, *others, **keywords)

    copies = {layer.name: clone_layer(layer) for layer in model.layers}
    return clone_graph(model, copies, call)


def count_views(views: str) -> int:
    """How often a model with these views computes each image; 1 for `"none"`.

    Args:
        views: As for `average_views`.

    Raises:
        ValueError: If there are no such views.
    """
    return 1 if views == "none" else StackViews(views).count


def check_views(model: keras.Model, views: str) -> None:
    """Raises ValueError if a model cannot average over these views."""
    classifier(model)
    if any(isinstance(layer, StackViews) for layer in model.layers):
        raise ValueError(f"{model.name} averages over views already.")
    height, width = model.input_shape[1:3]
    if views == "d4" and (height is None or height != width):
        raise ValueError(f"d4 needs square images, not {height}x{width}.")
    if views == "flip_shift" and None in (height, width):
        raise ValueError("flip_shift needs images of a fixed size.")


def ensemble(models: Sequence[keras.Model], name: str = "ensemble") -> keras.Model:
    """One model whose logits are the mean of those of several models.

    Args:
        models: Models built with their classifiers, of the same classes and input
            shape. Their weights are copied.
        name: Name of the new model, whose layers are called `member1_...` and so on.

    Raises:
        ValueError: If there are fewer than two models, or they do not fit together.
    """
    if len(models) < 2:
        raise ValueError("An ensemble needs two models or more.")
    shapes = {(model.input_shape, model.output_shape) for model in models}
    if len(shapes) > 1:
        raise ValueError(f"The models have different inputs or outputs: {shapes}.")
    image = keras.Input(models[0].input_shape[1:], name="image")
    heads = [classifier(model) for model in models]
    if len(set(map(takes_pixels, models))) > 1:
        raise ValueError("Some models take pixels, others normalized images.")
    if len(set(map(units, models))) > 1:
        raise ValueError("The models give numbers in different units.")
    vectors = [_body(model, image, f"member{i + 1}") for i, model in enumerate(models)]
    head = dense(models[0].output_shape[-1], HEAD)
    outputs = head(keras.layers.Concatenate(name="members")(vectors))
    kernels = [x.kernel / len(models) for x in heads]
    head.kernel.assign(ops.concatenate(kernels))
    head.bias.assign(sum(x.bias / len(models) for x in heads))
    last = models[0].layers[-1]
    if last.name != HEAD:  # the activation
        outputs = clone_layer(last)(outputs)
    return keras.Model(image, outputs, name=name)


def _body(model: keras.Model, image: Tensor, prefix: str) -> Tensor:
    """The vector that a copy of the model computes for its classifier."""
    body = keras.Model(model.input, classifier(model).input)
    copy = keras.models.clone_model(
        body,
        input_tensors=image,
        clone_function=lambda x: clone_layer(x, name=f"{prefix}_{x.name}"),
        call_function=lambda layer, *args, **keywords: layer(*args, **keywords),
    )
    return copy.output
