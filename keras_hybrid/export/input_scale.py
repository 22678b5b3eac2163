"""The scale of a model's input: what a program does with pixels before the model."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def input_scale(
    facts: Mapping[str, Any], pixels: bool, channels: int
) -> dict[str, list[float]] | None:
    """`mean` and `std`: `(pixel - mean) / std` is the input, for a pixel in [0, 255].

    Args:
        facts: The model's card.
        pixels: Whether the model takes pixels and normalizes them itself.
        channels: Channels of its input.

    Returns:
        A number per channel; None if the model takes normalized images and its card
        does not say how.
    """
    if pixels:
        return {"mean": [0.0] * channels, "std": [1.0] * channels}
    known = facts.get("preprocessing", {})
    if not {"mean", "std"} <= known.keys():
        return None
    scale = {}
    for name in ("mean", "std"):
        values = 255 * np.array(known[name], "float64")
        if len(values) != channels:  # e.g. grayscale: the mean over the channels
            values = np.full(channels, values.mean())
        scale[name] = values.tolist()
    return scale
