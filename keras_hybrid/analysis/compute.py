"""Outputs of a model and gradients of its images, on every backend."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_hybrid.utils.typing import Tensor


def run(model: keras.Model, images: np.ndarray) -> Any:
    """The outputs for one batch: float32 arrays in the structure of the outputs."""
    outputs = model.predict_on_batch(images)
    return keras.tree.map_structure(lambda x: np.asarray(x, "float32"), outputs)


def batches(images: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Yields the images in batches of `size`; the last one may be smaller."""
    for start in range(0, len(images), size):
        yield images[start : start + size]


def image_gradient(
    model: keras.Model, loss: Callable[[Any, Any], Tensor]
) -> Callable[[np.ndarray, Any], np.ndarray]:
    """A function that computes the gradient of a loss for the images.

    Args:
        model: A functional model.
        loss: `loss(outputs, extra)` returns a scalar tensor; it uses `keras.ops`.

    Returns:
        `gradient(images, extra)` returns an array of the shape of the images,
        `(B, H, W, C)`. `extra` is any structure of arrays that the loss reads.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        def loss_of(
            images: Tensor, extra: Any, trainable: Sequence, others: Sequence
        ) -> Tensor:
            return loss(model.stateless_call(trainable, others, images)[0], extra)

        compiled = jax.jit(jax.grad(loss_of))

        def compute(images: Tensor, extra: Any) -> Tensor:
            trainable = [v.value for v in model.trainable_variables]
            others = [v.value for v in model.non_trainable_variables]
            return compiled(images, extra, trainable, others)

    elif backend == "tensorflow":
        import tensorflow as tf

        def compute(images: Tensor, extra: Any) -> Tensor:
            with tf.GradientTape() as tape:
                tape.watch(images)
                value = loss(model(images, training=False), extra)
            return tape.gradient(value, images, unconnected_gradients="zero")

    else:
        import torch

        def compute(images: Tensor, extra: Any) -> Tensor:
            images = images.detach().requires_grad_()
            value = loss(model(images, training=False), extra)
            return torch.autograd.grad(value, images)[0]

    def gradient(images: np.ndarray, extra: Any) -> np.ndarray:
        extra = keras.tree.map_structure(ops.convert_to_tensor, extra)
        images = ops.convert_to_tensor(images, "float32")
        return ops.convert_to_numpy(compute(images, extra))

    return gradient
