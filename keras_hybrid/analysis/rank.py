"""Rank collapse: how much tokens still differ from each other after each block."""

import re
from typing import Any

import keras
import numpy as np

from keras_hybrid.analysis.compute import run
from keras_hybrid.utils.typing import Tensor

_SUM = re.compile(r"(?P<block>(.*_)?block\d+)_(?P<branch>attention|mlp)_add$")


def relative_residual(tokens: np.ndarray) -> np.ndarray:
    """How much tokens differ from their mean, from 0 to about 1.

    It is `|X - 1 x^T| / |X|`, where x is the mean of the tokens and `|.|` the composite
    norm `sqrt(|X|_1 |X|_inf)` (Dong et al. 2021, arXiv:2103.03404, section 2.1). At 0
    all tokens are equal and the matrix has rank one.

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
        model: A functional model of this package. It is not changed.
        images: `(B, H, W, C)`.
        skip: Whether to keep the skip connections around attention and feed-forward
            networks.
        feed_forward: Whether to keep the feed-forward networks.

    Returns:
        Name of the block -> residual. Norms are kept. Blocks on a single token are
        left out.

    Raises:
        ValueError: If the model has no transformer block.
    """
    probe = _ablated(model, skip, feed_forward)
    profile = {}
    outputs = run(probe, images)
    for block in probe.output:
        x = outputs[block]
        tokens = x.reshape(len(x), -1, x.shape[-1])
        if tokens.shape[1] > 1:
            profile[block] = float(relative_residual(tokens).mean())
    return profile


def rank_table(model: keras.Model, images: np.ndarray) -> list[dict]:
    """`rank_profile` with and without skip connections and feed-forward networks.

    Nothing is trained again after the removal.

    Returns:
        One row per block: `block`, and the residual of each of the four networks.
    """
    cases = {
        "full model": (True, True),
        "no feed-forward": (True, False),
        "no skip": (False, True),
        "attention only": (False, False),
    }
    profiles = {
        name: rank_profile(model, images, *case) for name, case in cases.items()
    }
    return [
        {"block": block} | {name: profile[block] for name, profile in profiles.items()}
        for block in profiles["full model"]
    ]


def has_transformer_blocks(model: keras.Model) -> bool:
    """Whether the model has sums around attention and feed-forward networks."""
    return any(_SUM.match(layer.name) for layer in model.layers)


def _ablated(model: keras.Model, skip: bool, feed_forward: bool) -> keras.Model:
    """A copy of the model that outputs every block, without the removed parts."""
    sums = {}

    def call(layer: keras.Layer, *args: Any, **kwargs: Any) -> Tensor:
        match = _SUM.match(layer.name)
        if not match:
            return layer(*args, **kwargs)
        shortcut, branch = args[0]
        if match["branch"] == "mlp" and not feed_forward:
            out = shortcut
        else:
            out = layer(args[0]) if skip else branch
        sums[match["block"]] = out
        return out

    if not has_transformer_blocks(model):
        raise ValueError(f"{model.name} has no transformer block.")
    copy = keras.models.clone_model(model, call_function=call)
    probe = keras.Model(copy.input, sums)
    for layer in probe.layers:
        layer.set_weights(model.get_layer(layer.name).get_weights())
    return probe


def _norm(x: np.ndarray) -> np.ndarray:
    size = np.abs(x)
    return np.sqrt(size.sum(axis=-2).max(axis=-1) * size.sum(axis=-1).max(axis=-1))
