"""The folder of a run: the run that it belongs to, and whether it is complete."""

import pathlib
import shutil
from collections.abc import Collection, Mapping
from typing import Any

from keras_hybrid.data.manifest import FILE as MANIFEST
from keras_hybrid.train.recipe import IMAGES, Recipe, result_fields
from keras_hybrid.utils.card import read_card, write_card
from keras_hybrid.utils.files import is_partial

SETTINGS = "recipe.json"
CARD = "card.json"
_FOUND_BY_SEARCH = (
    "validation_split",
    "image_size",
    "model",
    "model_options",
    "batch_size",
    "epochs",
    "minutes",
    "warmup_epochs",
    "keep_best",
    "patience",
    "refit",
    "calibrate",
    "temperature",
)
"""Fields in which a recipe with `refit` differs from that of its final run."""


def check_workdir(
    directory: pathlib.Path, settings: str = SETTINGS, kind: str = "run"
) -> None:
    """Raises ValueError if it is a file, or a folder with other files and no run.

    Args:
        directory: The folder.
        settings: The file by which a run is known.
        kind: What messages call it.
    """
    if directory.is_file():
        raise ValueError(f"{directory} is a file; choose another --workdir.")
    if (directory / settings).exists() or not directory.exists():
        return
    if not all(is_partial(path) for path in directory.iterdir()):
        raise ValueError(
            f"{directory} holds other files and no {kind}; choose another --workdir."
        )


def complete_card(
    recipe: Recipe, directory: pathlib.Path, images: str
) -> dict[str, Any] | None:
    """The card of the run in the workdir, if it is complete; a line says so.

    Settings and manifest alone, which a run leaves that failed before its first epoch,
    are no run.

    Args:
        recipe: The settings.
        directory: The workdir.
        images: `Dataset.fingerprint` of the images.

    Raises:
        ValueError: If the workdir holds other files, or a run of other settings or on
            other images.
    """
    check_workdir(directory)
    if recipe.runtime.overwrite or not _has_results(directory):
        return None
    _check_same(recipe, directory)
    found = read_card(directory / SETTINGS).get(IMAGES)
    if found != images:
        where = recipe.runtime.data_dir or recipe.data.dataset
        raise ValueError(
            f"{directory} holds a run on other images than {where} has now. Choose "
            "another --workdir, or --overwrite it."
        )
    if not (directory / CARD).exists():
        return None
    print(f"{directory} holds this run, complete; --overwrite repeats it.")
    return read_card(directory / CARD)


def refit_of(recipe: Recipe, directory: pathlib.Path) -> Recipe | None:
    """The recipe of the final run in the workdir, after its search, if it is complete.

    Raises:
        ValueError: If the workdir holds other files or a run of other settings.
    """
    check_workdir(directory)
    if recipe.runtime.overwrite or not _has_results(directory):
        return None
    _check_same(recipe, directory, _FOUND_BY_SEARCH)
    found = Recipe.read(directory / SETTINGS)
    if found.selection.keeps_best or found.data.validation_split:
        raise ValueError(
            f"{directory} holds a run that held images out. Choose another --workdir, "
            "or --overwrite it."
        )
    if not (directory / CARD).exists():
        return None
    return found.replace(workdir=str(directory))


def claim(recipe: Recipe, directory: pathlib.Path, images: str) -> None:
    """Creates the workdir with its `recipe.json`; empties it for `--overwrite`.

    Args:
        recipe: The settings.
        directory: The workdir.
        images: `Dataset.fingerprint` of the images.
    """
    settings = directory / SETTINGS
    directory.mkdir(parents=True, exist_ok=True)
    if recipe.runtime.overwrite and settings.exists():
        # if killed here, the folder still has a recipe.json and counts as a run
        others = [path for path in directory.iterdir() if path != settings]
        for path in sorted(others, key=lambda path: path.name != CARD):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    write_card(recipe.as_dict() | {IMAGES: images}, settings)


def _has_results(directory: pathlib.Path) -> bool:
    if not (directory / SETTINGS).exists():
        return False
    begun = (SETTINGS, MANIFEST)
    others = (path for path in directory.iterdir() if path.name not in begun)
    return any(
        _has_results(path) if path.is_dir() else not is_partial(path) for path in others
    )


def _check_same(
    recipe: Recipe, directory: pathlib.Path, ignored: Collection[str] = ()
) -> None:
    """Raises ValueError if the run in the workdir has other settings."""
    found = result_fields(Recipe.read(directory / SETTINGS).as_dict())
    wanted = result_fields(recipe.as_dict())
    found, wanted = (
        {name: value for name, value in fields.items() if name not in ignored}
        for fields in (found, wanted)
    )
    check_settings(f"{directory} holds a run", found, wanted)


def check_settings(
    where: str,
    found: Mapping[str, Any],
    wanted: Mapping[str, Any],
    option: str = "--workdir",
) -> None:
    """Raises ValueError, which names each difference, if settings are not the same.

    Args:
        where: What has the settings that were found, e.g. "DIR holds a run".
        found: Settings by name.
        wanted: Settings by name.
        option: The option that chooses another place.
    """
    changed = [
        f"{key} {found.get(key)!r} -> {wanted.get(key)!r}"
        for key in sorted(found.keys() | wanted.keys())
        if found.get(key) != wanted.get(key)
    ]
    if changed:
        raise ValueError(
            f"{where} of other settings ({'; '.join(changed)}). Choose another "
            f"{option}, or --overwrite it."
        )
