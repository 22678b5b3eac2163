"""The folder of a run: whose it is, and whether the run is complete."""

import json
import pathlib
import shutil
from collections.abc import Iterable

from keras_hybrid.train.recipe import Recipe, result_fields
from keras_hybrid.utils.card import write_card
from keras_hybrid.utils.files import is_partial

SETTINGS = "recipe.json"
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


def check_workdir(directory: pathlib.Path) -> None:
    """Raises ValueError if the folder holds other files and no run."""
    if (directory / SETTINGS).exists() or not directory.exists():
        return
    if not all(is_partial(path) for path in directory.iterdir()):
        raise ValueError(
            f"{directory} holds other files and no run; choose another --workdir."
        )


def is_complete(recipe: Recipe, directory: pathlib.Path) -> bool:
    """Whether the workdir holds this run, complete; raises if it holds another run.

    Settings alone, which a run leaves that failed before its first epoch, are no run.
    """
    check_workdir(directory)
    if recipe.runtime.overwrite or not _has_results(directory):
        return False
    _check_same(recipe, directory)
    return (directory / "card.json").exists()


def refit_of(recipe: Recipe, directory: pathlib.Path) -> Recipe | None:
    """The recipe of the final run in the workdir, after its search, if it is complete.

    Raises:
        ValueError: If the workdir holds other files or a run of other settings.
    """
    check_workdir(directory)
    if recipe.runtime.overwrite or not _has_results(directory):
        return None
    _check_same(recipe, directory, _FOUND_BY_SEARCH)
    found = Recipe.from_settings(json.loads((directory / SETTINGS).read_text()))
    if found.selection.keep_best != "none" or found.data.validation_split:
        raise ValueError(
            f"{directory} holds a run that held images out. Choose another --workdir, "
            "or --overwrite it."
        )
    if not (directory / "card.json").exists():
        return None
    return found.replace(workdir=str(directory))


def claim(recipe: Recipe, directory: pathlib.Path) -> None:
    """Creates the workdir with its `recipe.json`; empties it for `--overwrite`."""
    settings = directory / SETTINGS
    directory.mkdir(parents=True, exist_ok=True)
    if recipe.runtime.overwrite and settings.exists():
        # if killed here, the folder still has a recipe.json and counts as a run
        others = [path for path in directory.iterdir() if path != settings]
        for path in sorted(others, key=lambda path: path.name != "card.json"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    write_card(recipe.as_dict(), settings)


def _has_results(directory: pathlib.Path) -> bool:
    if not (directory / SETTINGS).exists():
        return False
    others = (path for path in directory.iterdir() if path.name != SETTINGS)
    return any(
        _has_results(path) if path.is_dir() else not is_partial(path) for path in others
    )


def _check_same(
    recipe: Recipe, directory: pathlib.Path, ignored: Iterable[str] = ()
) -> None:
    """Raises ValueError if the run in the workdir has other settings."""
    found = result_fields(json.loads((directory / SETTINGS).read_text()))
    wanted = result_fields(recipe.as_dict())
    changed = [
        f"{key} {found.get(key)!r} -> {wanted.get(key)!r}"
        for key in sorted((found.keys() | wanted.keys()) - set(ignored))
        if found.get(key) != wanted.get(key)
    ]
    if changed:
        raise ValueError(
            f"{directory} holds a run of other settings ({'; '.join(changed)}). "
            "Choose another --workdir, or --overwrite it."
        )
