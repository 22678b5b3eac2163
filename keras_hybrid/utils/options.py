"""Settings given as words `field=value` on a command line."""

import ast
from collections.abc import Iterable
from typing import Any


def parse_options(words: Iterable[str], option: str) -> dict[str, Any]:
    """Values by field, read as Python literals; any other text is taken as a word.

    Args:
        words: E.g. `["strides=2,2,2", "embedding=residual"]`.
        option: Name of the option that takes them, for the message.

    Raises:
        ValueError: If a word is not `field=value`.
    """
    values: dict[str, Any] = {}
    for word in words:
        field, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"{option} takes field=value, not {word!r}.")
        try:
            values[field] = ast.literal_eval(value)
        except (SyntaxError, ValueError):
            values[field] = value  # e.g. embedding=residual
    return values
