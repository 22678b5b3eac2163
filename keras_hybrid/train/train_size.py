"""The size of training images, where it is another than the model's own."""

import keras

from keras_hybrid.train.augmented import of_any_size
from keras_hybrid.train.progress import progressive_sizes, scaled
from keras_hybrid.train.recipe_groups import Optimization
from keras_hybrid.utils.typing import Shape, fixed


def train_size(settings: Optimization, network: keras.Model) -> Shape:
    """Height and width of training images at their largest."""
    size = fixed(network.input_shape[1:3])
    return scaled(size, (settings.train_size or min(size)) / min(size))


def check_train_sizes(settings: Optimization, network: keras.Model, name: str) -> None:
    """Tries the network on a blank image of every size in which it will be trained.

    Raises:
        ValueError: If it takes no image of such a size.
    """
    sizes = [train_size(settings, network)]
    if settings.progressive_resizing:
        sizes += progressive_sizes(sizes[0])
    own, channels = fixed(network.input_shape[1:3]), network.input_shape[-1]
    others = set(sizes) - {tuple(own)}
    if not others:
        return
    free = of_any_size(network, network.outputs[0])
    for height, width in sorted(others):
        try:
            free(keras.ops.zeros((1, height, width, channels)))
        except Exception as error:  # backends raise many kinds for shapes
            raise ValueError(
                f"{name} takes images of {own[0]}x{own[1]} pixels only, not of "
                f"{height}x{width}: leave out --train-size and --progressive-resizing, "
                "or take another model, e.g. atc3 or resnet9."
            ) from error
