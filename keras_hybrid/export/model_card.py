"""The card that belongs to a model file."""

import pathlib
from typing import Any

from keras_hybrid.utils import card


def read_card(path: pathlib.Path) -> dict[str, Any]:
    """What is known of a model file, from the card in or beside it.

    Args:
        path: A .keras file, an exported file or folder, or a run's folder.

    Returns:
        The card; empty if there is none.

    Raises:
        ValueError: If the card is damaged.
    """
    places = (
        path.with_name(f"{path.name}.card.json"),
        path.with_suffix(".card.json"),
        path / "card.json",
        path.parent / "card.json",
    )
    return next((card.read_card(x) for x in places if x.is_file()), {})
