"""A network with augmentation before it and auxiliary losses, while it trains."""

from collections.abc import Callable

import keras
import numpy as np

from keras_hybrid.data.apply_augmentation import augment
from keras_hybrid.train.gabor import GaborLoss, inner_stage
from keras_hybrid.utils.typing import Shape, Tensor


class Augmented(keras.Model):
    """Augments the batches of `Batches` and passes other images through unchanged.

    Training calls it with a batch's inputs (a dict), so that augmentation is compiled
    into the step; validation calls it with images. Without `training` nothing is
    augmented. The network inside is a plain model without augmentation, which is what
    gets saved and exported.

    Args:
        network: `(B, H, W, 3)` pixels -> `(B, K)` logits.
        fill: Pixel value beyond an image's edge; None reflects the image.
        images: The training set, uint8 or float32 `(N, H, W, 3)`, to be kept on the
            device; batches then bring `indices`. None if they bring `images`.
        gabor_loss: Weight of `GaborLoss`; 0 for none. Batches then bring `progress`.

    Attributes:
        train_size: Height and width to which training images are resized after
            augmentation; None leaves them. It holds for steps compiled after a change.
    """

    def __init__(
        self,
        network: keras.Model,
        fill: float | None = 0.0,
        images: np.ndarray | None = None,
        gabor_loss: float = 0.0,
    ):
        super().__init__(dtype="float32")  # random draws and pixels are never rounded
        self.network = network
        self.train_size: Shape | None = None
        self.gabor_loss: GaborLoss | None = None
        # the plural properties: a Sequential has no `output` before its first call
        outputs = network.outputs[0]
        if gabor_loss:
            stage = inner_stage(network)
            outputs = [outputs, stage]
            self.gabor_loss = GaborLoss(gabor_loss)
            self.gabor_loss.build(stage.shape, network.input_shape, (None,))
        self._training_network = of_any_size(network, outputs)
        self._augment = _xla(augment)
        self.fill = fill
        self.images = None
        if images is not None:
            # a variable: an argument of the compiled step, not a constant within it
            self.images = keras.Variable(
                images, dtype=images.dtype.name, trainable=False, name="training_images"
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
            if training:
                return self._train(images, draws)
            inputs = images
        return self.network(inputs, training=training)

    def _train(self, images: Tensor, draws: dict[str, Tensor]) -> Tensor:
        progress = draws.pop("progress", None)
        images = self._augmented(images, draws)
        outputs = self._training_network(images, training=True)
        if not self.gabor_loss:
            return outputs
        logits, stage = outputs
        self.add_loss(self.gabor_loss(stage, images, progress))
        return logits

    def _augmented(self, images: Tensor, draws: dict[str, Tensor]) -> Tensor:
        """Augmented images at the training size."""
        # XLA might not compile what others have registered
        own = not any(name.startswith("extra") for name in draws)
        images = (self._augment if own else augment)(images, draws, self.fill)
        if not self.train_size or images.shape[1:3] == self.train_size:
            return images
        return keras.ops.image.resize(
            images, self.train_size, antialias=True, data_format="channels_last"
        )


def _xla(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function that XLA compiles on TensorFlow, whatever compiles the step around it.

    Keras does not compile the steps of CPUs with XLA there, and operation by operation
    augmentation takes about three times as long.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function, jit_compile=True, autograph=False)


def of_any_size(network: keras.Model, outputs: Tensor | list[Tensor]) -> keras.Model:
    """The layers from a network's input to some tensors, for images of any size.

    The input is checked by its rank alone; layers may refuse a size.
    """
    model = keras.Model(network.inputs[0], outputs)
    model.input_spec = keras.layers.InputSpec(ndim=4)
    return model
