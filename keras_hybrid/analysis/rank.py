"""Rank collapse: how far tokens are from being all alike, layer by layer."""

import re
from typing import Any

import keras
import numpy as np

from keras_hybrid.analysis.compute import run
from keras_hybrid.utils.typing import Tensor

_SUM = re.compile(r"(?P<block>(.*_)?block\d+)_(?P<branch>attention|mlp)_add$")


def relative_residual(tokens: np.ndarray) -> np.ndarray:
    """What of a matrix of tokens is not one row repeated, in [0, about 1].

    `|X - 1 x^T| / |X|` with x the tokens' mean and `|.|` the composite norm
    `sqrt(|X|_1 |X|_inf)` (Dong et al. 2021, arXiv:2103.03404, section 2.1). At 0 the
    rank is one: attention has nothing left to tell apart.

    Args:
        tokens: `(..., N, C)`.

    Returns:
        `(...)`.
    """
    tokens = tokens.astype("float64")
    rest = tokens - tokens.mean(axis=-2, keepdims=True)
    return _norm(rest) / _norm(tokens)


def rank_profile(
    model: keras.Model,
    images: np.ndarray,
    skip: bool = True,
    feed_forward: bool = True,
) -> dict[str, float]:
    """The relative residual after every transformer block, averaged over images.

    Args:
        model: A functional model of this package; it stays as it is.
        images: `(B, H, W, C)`.
        skip: Whether to keep the skip connections around attention and
            feed-forward network. Without, a block is its branches alone.
        feed_forward: Whether to keep the feed-forward networks.

    Returns:
        Block -> residual. Norms stay; blocks on a single token are left out.

    Raises:
        ValueError: If the model has no transformer block.
    """
    probe = _dissected(model, skip, feed_forward)
    profile = {}
    outputs = run(probe, images)
    for block in probe.output:
        x = outputs[block]
        tokens = x.reshape(len(x), -1, x.shape[-1])
        if tokens.shape[1] > 1:
            profile[block] = float(relative_residual(tokens).mean())
    return profile


def rank_table(model: keras.Model, images: np.ndarray) -> list[dict]:
    """`rank_profile` with each of the two kept and removed: one row a block."""
    cases = {
        "whole": (True, True),
        "no feed-forward": (True, False),
        "no skip": (False, True),
        "attention alone": (False, False),
    }
    profiles = {
        name: rank_profile(model, images, *case) for name, case in cases.items()
    }
    return [
        {"block": block} | {name: profile[block] for name, profile in profiles.items()}
        for block in profiles["whole"]
    ]


def _dissected(model: keras.Model, skip: bool, feed_forward: bool) -> keras.Model:
    """A copy that gives every block's output, with parts taken out."""
    sums = {}

    def call(layer: keras.Layer, *args: Any, **kwargs: Any) -> Tensor:
        place = _SUM.match(layer.name)
        if not place:
            return layer(*args, **kwargs)
        kept, branch = args[0]
        if place["branch"] == "mlp" and not feed_forward:
            out = kept
        else:
            out = layer(args[0]) if skip else branch
        sums[place["block"]] = out
        return out

    copy = keras.models.clone_model(model, call_function=call)
    if not sums:
        raise ValueError(f"{model.name} has no transformer block.")
    probe = keras.Model(copy.input, sums)
    for layer in probe.layers:
        layer.set_weights(model.get_layer(layer.name).get_weights())
    return probe


def _norm(x: np.ndarray) -> np.ndarray:
    size = np.abs(x)
    return np.sqrt(size.sum(axis=-2).max(axis=-1) * size.sum(axis=-1).max(axis=-1))
