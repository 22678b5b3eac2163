"""Names for the types that every part shares."""

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

Tensor: TypeAlias = Any
"""A tensor of the backend, a NumPy array, or a `keras.KerasTensor`.

Backends share no base class, so the checker cannot tell them apart; the name says
what is meant, and a comment such as `# (B, N, C)` says the shape.
"""

Shape: TypeAlias = tuple[int | None, ...]
"""A static shape; None where a length is dynamic."""

MapShape: TypeAlias = tuple[int | None, int | None, int | None, int]
"""The static shape of a map, `(B, H, W, C)`."""

TokensShape: TypeAlias = tuple[int | None, int | None, int]
"""The static shape of tokens, `(B, N, C)`."""


Fit: TypeAlias = Literal["crop", "pad", "stretch"]
"""How an image of another shape fills a model's input; see `data.resize_and_crop`."""


def fixed(shape: Iterable[int | None]) -> tuple[int, ...]:
    """The lengths of a static shape, or of a part of one.

    Raises:
        ValueError: If a length is dynamic (None).
    """
    lengths = tuple(shape)
    known = tuple(length for length in lengths if length is not None)
    if len(known) < len(lengths):
        raise ValueError(f"The shape {lengths} has dynamic lengths.")
    return known
