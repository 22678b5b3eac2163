"""The values that black and white have in images of more than 8 bits."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from PIL import Image

from keras_hybrid.data.deep_pixels import FULL, deep_values, is_negative


@dataclasses.dataclass(frozen=True)
class PixelRange:
    """The values that become 0 and 255, the ends of a model's pixels.

    It belongs to a dataset and to the models that are trained on it. Files of 8 bits
    are not changed by it.

    Attributes:
        low: The value that becomes 0.
        high: The value that becomes 255.

    Raises:
        ValueError: If they are not finite, or `low` is not below `high`.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise ValueError(
                f"A pixel range is two numbers, LOW < HIGH, not {self.low} {self.high}."
            )

    @classmethod
    def of(cls, preprocessing: Mapping[str, Any]) -> Self | None:
        """The range in the `preprocessing` of a card; None if it has none."""
        known = preprocessing.get("pixel_range")
        return None if known is None else cls(*known)

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Values as float32 pixels in [0, 255]; those beyond the range are clipped."""
        share = (values.astype("float64") - self.low) / (self.high - self.low)
        return (255 * share.clip(0, 1)).astype("float32")

    def read(self, image: Image.Image) -> np.ndarray:
        """The pixels of a file of more than 8 bits, `(H, W)` or `(H, W, 3)`.

        Transparent pixels lie on white.

        Returns:
            float32 pixels in [0, 255], not rounded.
        """
        stated = image.format == "PPM"  # Pillow has scaled its values to 16 bits
        values, opacity = deep_values(image)
        pixels = (PixelRange(0, FULL) if stated else self).scaled(values)
        if is_negative(image):
            pixels = 255 - pixels
        if opacity is None:
            return pixels
        if pixels.ndim == 3:
            opacity = opacity[..., None]
        return 255 + (pixels - 255) * opacity
