"""The card that belongs to a model file."""

import pathlib
import warnings
from collections.abc import Mapping
from typing import Any

from keras_hybrid.export.export_report import hashes
from keras_hybrid.models.keras_file import keras_file, load_keras
from keras_hybrid.utils import card
from keras_hybrid.utils.card_fields import OF_MODEL, check_fields
from keras_hybrid.utils.files import sha256

_CARD = "card.json"


class OtherModelError(ValueError):
    """A card has the hash of another file.

    Attributes:
        card: The card.
    """

    def __init__(self, place: pathlib.Path, path: pathlib.Path, card: dict[str, Any]):
        super().__init__(
            f"{place} is the card of another model than {path}, by its hash: put the "
            "card of this one there, or remove it. If you changed the model yourself, "
            f"delete {OF_MODEL} in it."
        )
        self.card = card


def read_card(path: pathlib.Path) -> dict[str, Any]:
    """What is known of a model file, from the card in or beside it.

    A card holds the hash of its model. A card of another model says nothing: where the
    file has a name of its own, the `card.json` in its folder is passed over, with a
    warning. A card without a hash is taken on trust, with a warning if it names
    classes.

    Args:
        path: A .keras file, an exported file or folder, or a run's folder.

    Returns:
        The card; empty if there is none, or no such file.

    Raises:
        ValueError: If the card or a .keras file is damaged.
        OtherModelError: If the card is that of another file.
    """
    path = keras_file(path)
    if not path.exists():
        return {}
    places = (
        path.with_name(f"{path.name}.card.json"),
        path.with_suffix(".card.json"),
        path / _CARD,
        path.parent / _CARD,
    )
    for place in filter(pathlib.Path.is_file, places):
        found = card.read_card(place)
        check_fields(found, place)
        if place == path / _CARD and OF_MODEL in found:
            continue  # of a run without its model.keras
        belongs = _belongs(found, path)
        if belongs:
            return found
        if belongs is None:
            if found.get("class_names"):
                warnings.warn(
                    f"{place} has no hash of its model; that it belongs to {path} is "
                    "taken on trust.",
                    stacklevel=2,
                )
            return found
        if place.name != _CARD or path.name == "model.keras":
            if path.suffix == ".keras":
                load_keras(path)  # a damaged file has a message of its own
            raise OtherModelError(place, path, found)
        warnings.warn(
            f"{place} is the card of another model than {path} and is not used: its "
            "classes have no names here.",
            stacklevel=2,
        )
    return {}


def _belongs(found: Mapping[str, Any], path: pathlib.Path) -> bool | None:
    """Whether a card is that of a file; None if it has no hash."""
    if path.suffix == ".keras":
        known = found.get(OF_MODEL)
        return None if known is None else known == sha256(path)
    files = (found.get("artefact") or {}).get("files")
    if files is None:  # the card of a run is that of its model.keras
        return False if OF_MODEL in found else None
    return path.exists() and _contents(hashes(path)) == _contents(files)


def _contents(files: Mapping[str, Any]) -> list[str]:
    """The hashes of files, whose names may have changed."""
    return sorted(
        str(x.get("sha256")) if isinstance(x, dict) else "" for x in files.values()
    )
