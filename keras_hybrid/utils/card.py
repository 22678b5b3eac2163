"""Cards: the JSON file that says what an artefact is and where it comes from."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from keras_hybrid.utils.files import write_atomically
from keras_hybrid.utils.guard import read_json


def write_card(card: Mapping[str, Any], path: pathlib.Path) -> None:
    """Writes a card as indented JSON, in one step."""
    text = json.dumps(card, indent=2) + "\n"
    write_atomically(path, lambda part: part.write_text(text, "utf-8"))


def read_card(path: pathlib.Path) -> dict[str, Any]:
    """Reads a card.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is no card.
    """
    card = read_json(path)
    if not isinstance(card, dict):
        raise ValueError(f"{path} is damaged: it holds no JSON object")
    return card
