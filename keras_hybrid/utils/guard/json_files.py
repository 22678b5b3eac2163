"""JSON of limited size and depth."""

import json
import pathlib
from typing import Any

LARGEST = 2**26
"""Bytes of a file."""
DEEPEST = 100
"""Arrays and objects within each other; configurations of models have some twenty."""


def read_json(path: pathlib.Path) -> Any:
    """The content of a JSON file.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, too large or too deep.
    """
    size = path.stat().st_size
    if size > LARGEST:
        raise ValueError(f"{path} is damaged: {size:,} bytes of JSON")
    return parse_json(path.read_bytes(), str(path))


def parse_json(content: bytes, name: str) -> Any:
    """The value of a JSON text.

    Args:
        content: The text, in UTF-8.
        name: What the text is, for messages.

    Raises:
        ValueError: If it is damaged, too large or too deep.
    """
    if len(content) > LARGEST:
        raise ValueError(f"{name} is damaged: {len(content):,} bytes of JSON")
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError(f"{name} is damaged: it is nested too deeply") from error
    except ValueError as error:  # no UTF-8, no JSON, a number of too many digits
        raise ValueError(f"{name} is damaged: {error}") from error
    level = [value]
    for _ in range(DEEPEST):
        level = [x for parent in level for x in _children(parent)]
        if not level:
            return value
    raise ValueError(f"{name} is damaged: it is nested too deeply")


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
