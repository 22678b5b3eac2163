"""The folder of a run: the run that it belongs to, and whether it is complete."""

import contextlib
import pathlib
import shutil
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from keras_hybrid.data import Dataset
from keras_hybrid.data.manifest import FILE as MANIFEST
from keras_hybrid.train.more_epochs import check_state, is_shorter, may_be_longer
from keras_hybrid.train.multiprocess import is_one_of_several
from keras_hybrid.train.orientation import FILE as ORIENTATION
from keras_hybrid.train.recipe import Recipe, result_fields
from keras_hybrid.train.run_data import check_settings, data_changes, data_facts
from keras_hybrid.utils.card import read_card, write_card
from keras_hybrid.utils.card_fields import check_fields
from keras_hybrid.utils.files import is_partial
from keras_hybrid.utils.lock import lock_folder

SETTINGS = "recipe.json"
CARD = "card.json"
SWEEP_TABLE = "runs.csv"
"""The table of a sweep, beside the folders of its runs."""
_OF_IMAGES = ("dataset", "image_size", "fit", "class_range", "group_by", "pixel_range")
"""Fields on which the fingerprint of a dataset depends."""
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
    "orientation",
    "horizontal_flip",
    "vertical_flip",
    "rotation",
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


@contextlib.contextmanager
def locked(directory: pathlib.Path) -> Iterator[None]:
    """Keeps the runs of other processes out of a workdir.

    Raises:
        ValueError: If it holds other files, or another process is at work in it.
    """
    check_workdir(directory)
    with lock_folder(directory, shared=is_one_of_several()):
        yield


def complete_card(
    recipe: Recipe, directory: pathlib.Path, dataset: Dataset
) -> dict[str, Any] | None:
    """The card of the run in the workdir, if it is complete; a line says so.

    A run of fewer epochs is not complete, and goes on.

    Settings and manifest alone, which a run leaves that failed before its first epoch,
    are no run.

    Args:
        recipe: The settings.
        directory: The workdir.
        dataset: The images and classes.

    Raises:
        ValueError: If the workdir holds other files, a run of other settings or on
            other data, in what the message says, or one that cannot go on for more
            epochs.
    """
    check_workdir(directory)
    if recipe.runtime.overwrite or not has_results(directory):
        _check_sweep(recipe, directory, dataset)
        return None
    longer = may_be_longer(recipe, begun_recipe(directory))
    _check_same(recipe, directory, ("epochs",) if longer else (), dataset)
    if not (directory / CARD).exists():
        return None
    card = read_card(directory / CARD)
    check_fields(card, directory / CARD)
    if missing := sorted({"model", "dataset", "metrics"} - card.keys()):
        raise ValueError(
            f"{directory / CARD} is damaged: it lacks {', '.join(missing)}; "
            "--overwrite repeats the run."
        )
    if is_shorter(card, recipe, directory / CARD):
        check_state(card, directory)
        print(
            f"{directory} goes on to {recipe.optimization.epochs} epochs; its learning "
            "rate is now that of a run of this length."
        )
        return None
    print(f"{directory} holds this run, complete; --overwrite repeats it.")
    return card


def refit_of(recipe: Recipe, directory: pathlib.Path) -> Recipe | None:
    """The recipe of the final run in the workdir, after its search, if it is complete.

    Raises:
        ValueError: If the workdir holds other files or a run of other settings.
    """
    check_workdir(directory)
    if recipe.runtime.overwrite or not has_results(directory):
        return None
    found_by_search: tuple[str, ...] = _FOUND_BY_SEARCH
    if recipe.optimization.precision == "auto":
        found_by_search += ("precision",)
    _check_same(recipe, directory, found_by_search)
    found = Recipe.read(directory / SETTINGS)
    if found.selection.keeps_best or found.data.validation_split:
        raise ValueError(
            f"{directory} holds a run that held images out. Choose another --workdir, "
            "or --overwrite it."
        )
    if not (directory / CARD).exists():
        return None
    return found.replace(workdir=str(directory))


def claim(
    recipe: Recipe,
    directory: pathlib.Path,
    dataset: Dataset,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Creates the workdir with its `recipe.json`; empties it for `--overwrite`.

    Args:
        recipe: The settings.
        directory: The workdir.
        dataset: The images and classes.
        facts: More entries of `recipe.json`.
    """
    settings = directory / SETTINGS
    directory.mkdir(parents=True, exist_ok=True)
    if recipe.runtime.overwrite and settings.exists():
        # if killed here, the folder still has a recipe.json and counts as a run
        others = [path for path in directory.iterdir() if path != settings]
        for path in sorted(others, key=lambda path: path.name != CARD):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    known = data_facts(dataset) | dict(facts or {})
    write_card(recipe.as_dict() | known, settings)


def has_results(directory: pathlib.Path) -> bool:
    """Whether a folder has more of a run than its settings."""
    if not (directory / SETTINGS).exists():
        return False
    begun = (SETTINGS, MANIFEST, ORIENTATION)
    others = (path for path in directory.iterdir() if path.name not in begun)
    return any(
        has_results(path) if path.is_dir() else not is_partial(path) for path in others
    )


def recipe_to_go_on(recipe: Recipe) -> Recipe | None:
    """The recipe that the run in the workdir began with; None if it begins anew."""
    directory = recipe.directory
    if recipe.runtime.overwrite or not has_results(directory):
        return None
    return begun_recipe(directory)


def begun_recipe(directory: pathlib.Path) -> Recipe:
    """The recipe of the run in a workdir.

    Raises:
        ValueError: If it is damaged; the message says what to do.
    """
    try:
        return Recipe.read(directory / SETTINGS)
    except ValueError as error:
        raise ValueError(
            f"{str(error).rstrip('.')}: put the file back, choose another --workdir, "
            "or --overwrite the run."
        ) from error


def _check_same(
    recipe: Recipe,
    directory: pathlib.Path,
    ignored: Collection[str] = (),
    dataset: Dataset | None = None,
) -> None:
    """Raises ValueError if the run in the workdir has other settings or other data."""
    found = result_fields(begun_recipe(directory).as_dict())
    wanted = result_fields(recipe.as_dict())
    found, wanted = (
        {name: value for name, value in fields.items() if name not in ignored}
        for fields in (found, wanted)
    )
    data: list[str] = []
    if dataset:
        facts, root = read_card(directory / SETTINGS), recipe.runtime.data_dir
        data = data_changes(facts, dataset, directory, root, found == wanted)
    check_settings(f"{directory} holds a run", found, wanted, data)


def _check_sweep(recipe: Recipe, directory: pathlib.Path, dataset: Dataset) -> None:
    """Raises ValueError if a run of the same sweep has other data."""
    if not (directory.parent / SWEEP_TABLE).exists():
        return
    wanted, root = recipe.as_dict()["data"], recipe.runtime.data_dir
    for card in sorted(directory.parent.glob(f"*/{CARD}")):
        other = card.with_name(SETTINGS)
        found = read_card(other) if other.exists() else {}
        known = found.get("data", {})
        if all(known.get(name) == wanted[name] for name in _OF_IMAGES):
            data = data_changes(found, dataset, card.parent, root)
            check_settings(f"{card.parent} holds a run of this sweep", {}, {}, data)
