"""The types and ranges of what a card says of a model."""

import math
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, get_args

from PIL import Image

from keras_hybrid.utils.typing import Fit

OF_MODEL = "model_sha256"
"""The field with the SHA-256 of the `.keras` file that a card belongs to."""
LARGEST_INPUT = 2**26
"""Values of one input: an image of 4700 x 4700 pixels."""


def check_fields(card: Mapping[str, Any], path: pathlib.Path) -> None:
    """Checks the fields that programs rely on, if a card has them.

    Args:
        card: The card of a model or of an exported file.
        path: Its file, for the message.

    Raises:
        ValueError: If a field has another type or range; one line names it.
    """
    _check(card, _FIELDS, path)
    _check(card.get("preprocessing") or {}, _PREPROCESSING, path)
    artefact = card.get("artefact") or {}
    _check(artefact, _ARTEFACT, path)
    _check(artefact.get("reference") or {}, _REFERENCE, path)


def is_shape(value: Any) -> bool:
    """Whether a value is a shape of images that fit into memory; null is any length."""
    return (
        isinstance(value, list)
        and all(x is None or (_is_count(x) and x > 0) for x in value)
        and math.prod(x or 1 for x in value) <= LARGEST_INPUT
    )


def _check(
    fields: Mapping[str, Any],
    known: Mapping[str, Callable[[Any], bool]],
    path: pathlib.Path,
) -> None:
    for name, is_right in known.items():
        value = fields.get(name)
        if value is not None and not is_right(value):
            text = repr(value)
            shown = text if len(text) < 60 else f"{text[:60]} ..."
            raise ValueError(f"{path} is damaged: {name} cannot be {shown}")


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_number, value))


_FIELDS: dict[str, Callable[[Any], bool]] = {
    "class_names": _is_texts,
    "preprocessing": _is_object,
    "artefact": _is_object,
    "metrics": _is_object,
    "recipe": _is_object,
    "versions": _is_object,
    "input_shape": is_shape,
    "model": _is_text,
    OF_MODEL: _is_text,
    "dataset": _is_text,
    "tta": _is_text,
    "task": _is_text,
    "thresholds": lambda value: _is_numbers(value) and 0 <= min(value) <= 1,
    "unknown": _is_object,
    "temperature": lambda value: _is_number(value) and value > 0,
}
_PREPROCESSING: dict[str, Callable[[Any], bool]] = {
    "crop": lambda value: _is_number(value) and 0 < value <= 1,
    "mean": _is_numbers,
    "std": lambda value: _is_numbers(value) and min(value) > 0,
    "interpolation": lambda value: (
        _is_text(value) and value.upper() in Image.Resampling.__members__
    ),
    "fit": lambda value: value in get_args(Fit),
    "pixel_range": lambda value: (
        _is_numbers(value) and len(value) == 2 and value[0] < value[1]
    ),
}
_ARTEFACT: dict[str, Callable[[Any], bool]] = {
    "format": _is_text,
    "reference": _is_object,
    "files": _is_object,
    "source": _is_object,
}
_REFERENCE: dict[str, Callable[[Any], bool]] = {
    "shape": is_shape,
    "pixels": lambda value: isinstance(value, bool),
    "logits": lambda value: isinstance(value, list),
    "known": lambda value: isinstance(value, list),
}
