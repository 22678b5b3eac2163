"""What a model takes as `input_shape`."""

from collections.abc import Sequence
from typing import Any

import keras


def check_input_shape(shape: Any) -> tuple[int | None, int | None, int]:
    """The shape `(height, width, channels)` of a model's images.

    Raises:
        ValueError: If it is another shape, or Keras is set to channels first.
    """
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            "The models take (height, width, channels), but Keras' image_data_format "
            "is channels_first: set channels_last in keras.json, or by "
            "keras.config.set_image_data_format."
        )
    sides = tuple(shape) if isinstance(shape, Sequence) else ()
    meant = ""
    if all(x is None or (isinstance(x, int) and x > 0) for x in sides):
        if len(sides) == 3 and sides[2] is not None and not _is_reversed(sides):
            return sides
        if len(sides) == 3:
            meant = f"; did you mean {(sides[1], sides[2], sides[0])}?"
        elif len(sides) == 2:
            meant = f"; did you mean {(*sides, 3)}?"
    raise ValueError(f"input_shape is (height, width, channels), not {shape}{meant}")


def _is_reversed(sides: Sequence[int | None]) -> bool:
    """Whether the channels seem to come first, as in (3, 32, 32)."""
    return sides[0] in (1, 3, 4) and sides[2] not in (1, 3, 4)
