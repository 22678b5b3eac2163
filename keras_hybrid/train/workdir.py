"""The folder of a run: whose it is, and whether the run is complete."""

import json
import pathlib
import shutil

from keras_hybrid.train.recipe import Recipe, result_fields
from keras_hybrid.utils.card import write_card
from keras_hybrid.utils.files import is_partial


def check_workdir(directory: pathlib.Path) -> None:
    """Raises ValueError if the folder holds other files and no run."""
    if (directory / "recipe.json").exists() or not directory.exists():
        return
    if not all(is_partial(path) for path in directory.iterdir()):
        raise ValueError(
            f"{directory} holds other files and no run; choose another --workdir."
        )


def is_complete(recipe: Recipe, directory: pathlib.Path) -> bool:
    """Whether the workdir holds this run, complete; raises if it holds another run."""
    check_workdir(directory)
    settings = directory / "recipe.json"
    if not settings.exists():
        return False
    if recipe.runtime.overwrite:
        return False
    found = result_fields(json.loads(settings.read_text()))
    wanted = result_fields(recipe.as_dict())
    changed = [
        f"{key} {found.get(key)!r} -> {wanted.get(key)!r}"
        for key in sorted(found.keys() | wanted.keys())
        if found.get(key) != wanted.get(key)
    ]
    if changed:
        raise ValueError(
            f"{directory} holds a run of other settings ({'; '.join(changed)}). "
            "Choose another --workdir, or --overwrite it."
        )
    return (directory / "card.json").exists()


def claim(recipe: Recipe, directory: pathlib.Path) -> None:
    """Creates the workdir with its `recipe.json`; empties it for `--overwrite`."""
    settings = directory / "recipe.json"
    directory.mkdir(parents=True, exist_ok=True)
    if recipe.runtime.overwrite and settings.exists():
        # if killed here, the folder still has a recipe.json and counts as a run
        others = [path for path in directory.iterdir() if path != settings]
        for path in sorted(others, key=lambda path: path.name != "card.json"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    write_card(recipe.as_dict(), settings)
