"""A network with augmentation before it, for as long as it trains."""

import keras
import numpy as np

from keras_hybrid.data.apply_augmentation import augment
from keras_hybrid.utils.typing import Tensor


class Augmented(keras.Model):
    """Augments the batches of `Batches` and passes other images through unchanged.

    Training calls it with a batch's inputs (a dict), so that augmentation is compiled
    into the step; validation calls it with images. Without `training` nothing is
    augmented. The network inside is a plain model without augmentation, which is what
    gets saved and exported.

    Args:
        network: `(B, H, W, 3)` pixels -> `(B, K)` logits.
        fill: Pixel value beyond an image's edge.
        images: The training set, uint8 `(N, H, W, 3)`, to be kept on the device;
            batches then bring `indices`. None if they bring `images`.
    """

    def __init__(
        self,
        network: keras.Model,
        fill: float = 0.0,
        images: np.ndarray | None = None,
    ):
        super().__init__(dtype="float32")  # random draws and pixels are never rounded
        self.network = network
        self.fill = fill
        self.images = None
        if images is not None:
            # a variable: an argument of the compiled step, not a constant within it
            self.images = keras.Variable(
                images, dtype="uint8", trainable=False, name="training_images"
            )
        self.built = True

    def call(
        self, inputs: Tensor | dict[str, Tensor], training: bool = False
    ) -> Tensor:
        if isinstance(inputs, dict):
            draws = dict(inputs)
            if "indices" in draws:
                # floats, when Keras builds a step for several devices of TensorFlow
                indices = keras.ops.cast(draws.pop("indices"), "int32")
                images = keras.ops.take(self.images, indices, axis=0)
            else:
                images = draws.pop("images")
            inputs = augment(images, draws, self.fill) if training else images
        return self.network(inputs, training=training)
