"""LoRA: dense layers learn a low-rank change (Hu et al. 2021, arXiv:2106.09685)."""

import contextlib
from collections.abc import Iterator

import keras

from keras_hybrid import models


@contextlib.contextmanager
def lora(network: keras.Model, rank: int) -> Iterator[None]:
    """Inside, dense layers learn low-rank changes; afterwards these are in the kernels.

    The classifier learns as usual. All other variables, biases included, keep their
    values, and BatchNorm computes as in inference.

    Args:
        network: A model with its classifier.
        rank: Rank of the change of each kernel; 0 changes nothing here.

    Raises:
        ValueError: If no layer but the classifier is dense.
    """
    if not rank:
        yield
        return
    head = models.classifier(network)
    # Keras has no public walk through layers within layers
    every = network._flatten_layers(include_self=False)
    leaves = [x for x in every if not x._layers and x is not head]
    dense = [x for x in leaves if isinstance(x, keras.layers.Dense)]
    if not dense:
        raise ValueError(
            f"--lora-rank: {network.name} has no dense layer but its classifier; "
            "use --freeze."
        )
    with contextlib.ExitStack() as stack:
        for leaf in leaves:
            kept = [v for v in leaf.variables if v.trainable]
            for owner in kept if leaf in dense else [leaf]:
                stack.callback(setattr, owner, "trainable", owner.trainable)
                owner.trainable = False
        for layer in dense:
            layer.enable_lora(rank)
        yield
        for layer in dense:
            _merge(layer)


def _merge(layer: keras.layers.Dense) -> None:
    """Adds the low-rank change to the kernel, and removes its factors."""
    kernel = layer.kernel
    layer.lora_enabled = False
    layer._kernel.assign(kernel)
    for factor in (layer.lora_kernel_a, layer.lora_kernel_b):
        layer._untrack_variable(factor)
    layer.lora_rank = layer.lora_alpha = None
