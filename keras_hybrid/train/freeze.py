"""Layers that keep their weights while the others train."""

import contextlib
import re
from collections.abc import Iterator

import keras

from keras_hybrid import models


def frozen_layers(network: keras.Model, freeze: str) -> list[keras.Layer]:
    """The layers that keep their weights.

    Args:
        network: A model with its classifier.
        freeze: `"none"`; `"backbone"`, all layers but the classifier; or `"stages:N"`,
            the layers up to the N-th feature map of `models.features`.

    Raises:
        ValueError: If the network has fewer feature maps.
    """
    if freeze == "none":
        return []
    if freeze == "backbone":
        head = models.classifier(network)
        return [layer for layer in network.layers if layer is not head]
    count = stage_count(freeze)
    groups = models.stages(network)[:-1]
    if count > len(groups):
        names = ", ".join(models.features(network).output)
        raise ValueError(
            f"--freeze {freeze}: {network.name} has {len(groups)} stages: {names}."
        )
    return [layer for group in groups[:count] for layer in group]


def stage_count(freeze: str) -> int:
    """N of `"stages:N"`; 0 for `"none"` and `"backbone"`.

    Raises:
        ValueError: If `freeze` is none of the three.
    """
    if freeze in ("none", "backbone"):
        return 0
    if match := re.fullmatch(r"stages:([1-9]\d*)", freeze):
        return int(match[1])
    raise ValueError(
        f"freeze must be none, backbone or stages:N, e.g. stages:2, not {freeze!r}."
    )


@contextlib.contextmanager
def frozen(network: keras.Model, freeze: str) -> Iterator[None]:
    """Inside, frozen layers compute as in inference and keep all their variables.

    So BatchNorm does not move its averages, and dropout and stochastic depth are off.
    Afterwards all layers are trainable as before.

    Args:
        network: A model with its classifier.
        freeze: See `frozen_layers`.
    """
    with contextlib.ExitStack() as stack:
        for outer in frozen_layers(network, freeze):
            # undone from the last to the first: the outer layer before those within
            for layer in [*outer._flatten_layers(include_self=False), outer]:
                for name in ("rate", "trainable"):
                    if hasattr(layer, name):
                        stack.callback(setattr, layer, name, getattr(layer, name))
                        setattr(layer, name, 0.0 if name == "rate" else False)
        yield
