"""The files of a run as a folder that can be uploaded."""

import pathlib
import re
import shutil
from typing import Any

from keras_hybrid.export.model_card import read_card
from keras_hybrid.models.keras_file import load_keras
from keras_hybrid.publish.readme import readme
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.utils.card import write_card
from keras_hybrid.utils.card_fields import OF_MODEL
from keras_hybrid.utils.files import sha256

REPORT = "report.html"
_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]*")


def write_repository(
    run: str | pathlib.Path,
    repository: str,
    folder: str | pathlib.Path,
    licence: str | None = None,
    report: bool = False,
) -> pathlib.Path:
    """Writes `model.keras`, `card.json`, `recipe.json` and the model card `README.md`.

    Folders of this machine are left out of the recipe and the card.

    Args:
        run: The folder of a complete run.
        repository: `owner/name`, which the model card shows.
        folder: The folder to write, new or empty.
        licence: Licence of the weights by the hub's identifier, e.g. `"apache-2.0"`.
        report: Whether `report.html` goes along, which shows test images.

    Returns:
        The folder.

    Raises:
        FileExistsError: If the folder has files in it.
        FileNotFoundError: If the run is not complete, or has no report.
        ValueError: If a name is malformed, or the model is damaged or holds foreign
            code.
    """
    run, folder = pathlib.Path(run), pathlib.Path(folder)
    _check_names(repository, licence)
    _check_run(run, report)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} has files in it; choose an empty folder.")
    card = _without_places(read_card(run / "model.keras"))
    load_keras(run / "model.keras")  # or ValueError
    page = readme(card, repository, licence)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run / "model.keras", folder / "model.keras")
    card |= {OF_MODEL: sha256(folder / "model.keras")}
    write_card(card, folder / "card.json")
    if (run / "recipe.json").exists():
        recipe = Recipe.read(run / "recipe.json").replace(data_dir=None, workdir=None)
        settings = _without_places({"recipe": recipe.as_dict()})["recipe"]
        write_card(settings, folder / "recipe.json")
    if report:
        shutil.copyfile(run / REPORT, folder / REPORT)
    (folder / "README.md").write_text(page, encoding="utf-8")
    return folder


def _check_names(repository: str, licence: str | None) -> None:
    if not _NAME.fullmatch(repository):
        raise ValueError(f"A repository is called owner/name, not {repository!r}.")
    if licence is not None and not _LICENCE.fullmatch(licence):
        raise ValueError(
            f"{licence!r} is no licence of the hub; give its identifier, e.g. "
            "apache-2.0, mit or cc-by-4.0."
        )


def _check_run(run: pathlib.Path, report: bool) -> None:
    for name in ("model.keras", "card.json"):
        if not (run / name).is_file():
            raise FileNotFoundError(f"{run} is no complete run: it has no {name}.")
    if report and not (run / REPORT).is_file():
        raise FileNotFoundError(f"{run} has no {REPORT}: leave --report out.")


def _without_places(card: dict[str, Any]) -> dict[str, Any]:
    """The card with the name alone of a file that its weights started from."""
    recipe = card.get("recipe", {})
    network = recipe.get("network", {})
    weights = network.get("weights")
    if not weights or weights.startswith("hf://") or not pathlib.Path(weights).suffix:
        return card
    if pathlib.Path(weights).is_absolute() or pathlib.Path(weights).exists():
        network = network | {"weights": pathlib.Path(weights).name}
    return card | {"recipe": recipe | {"network": network}}
