"""The page of a model, written anew where it is not of this model."""

import pathlib

from keras_hybrid import __version__
from keras_hybrid.export.exporters import export
from keras_hybrid.export.web.page_facts import FACTS
from keras_hybrid.models.keras_file import keras_file
from keras_hybrid.utils.card import read_card
from keras_hybrid.utils.files import sha256


def current_page(model: pathlib.Path) -> pathlib.Path:
    """The folder `web` beside a model, exported if it is missing or of another model.

    Args:
        model: The folder of a run, or a .keras file; or a page, which is taken as it
            is.

    Raises: As `export`.
    """
    if (model / FACTS).is_file():
        return model
    file = keras_file(model)
    folder = file.with_name("web")
    if not _is_of(folder, file):
        print(f"Writing {folder} ...", flush=True)
        export(file, ["web"], file.parent, overwrite=True, golden="none")
    return folder


def _is_of(folder: pathlib.Path, file: pathlib.Path) -> bool:
    try:
        artefact = read_card(folder.with_name("web.card.json"))["artefact"]
        written = artefact["versions"]["keras_hybrid"], artefact["source"]["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return folder.is_dir() and file.is_file() and written == (__version__, sha256(file))
