"""The Optuna study of a search, and the check that the folder belongs to it."""

import pathlib
import shutil
import warnings
from typing import TYPE_CHECKING, Any

from keras_hybrid.data import Dataset
from keras_hybrid.train.hold_out import save_manifest
from keras_hybrid.train.recipe import IMAGES, RUN_DATA, Recipe, result_fields
from keras_hybrid.train.run_data import check_settings, data_changes, data_facts
from keras_hybrid.train.tune_options import Tuning
from keras_hybrid.train.workdir import check_workdir
from keras_hybrid.utils.card import read_card, write_card

if TYPE_CHECKING:
    import optuna

SETTINGS = "search.json"


def open_study(
    tuning: Tuning, recipe: Recipe, dataset: Dataset, directory: pathlib.Path
) -> "optuna.Study":
    """The study of a search, new or resumed.

    The folder and the study keep the settings, so that trials of another search, on
    other images or by another metric, are never compared with these.

    Raises:
        ValueError: If the folder or the storage holds something else.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend

    settings = _settings(tuning, recipe, dataset)
    name = tuning.recipe.name
    if tuning.recipe.runtime.overwrite:
        _remove(directory)
    _claim(directory, settings, recipe, dataset)
    storage = tuning.storage or optuna.storages.JournalStorage(
        JournalFileBackend(str(directory / "study.log"))
    )
    names = optuna.study.get_all_study_names(storage)
    if tuning.recipe.runtime.overwrite and name in names:
        optuna.delete_study(study_name=name, storage=storage)
    pruners = {  # a trial has 100 steps, whatever its epochs
        "asha": optuna.pruners.SuccessiveHalvingPruner(15, reduction_factor=3),
        "median": optuna.pruners.MedianPruner(n_warmup_steps=15),
        "none": optuna.pruners.NopPruner(),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna calls both options experimental
        sampler = optuna.samplers.TPESampler(multivariate=True, constant_liar=True)
    study = optuna.create_study(
        study_name=name,
        storage=storage,
        sampler=sampler,
        pruner=pruners[tuning.pruner],
        direction="maximize",
        load_if_exists=True,
    )
    known = study.user_attrs.get("settings")
    if known is None:
        study.set_user_attr("settings", settings)
    else:
        where = f"The storage's study {name!r} holds a search"
        check_settings(where, known, settings, option="--name")
    return study


def minutes_so_far(directory: pathlib.Path) -> float | None:
    """The length of a trial in a search that the folder holds."""
    file = directory / SETTINGS
    return read_card(file).get("minutes") if file.exists() else None


def _settings(tuning: Tuning, recipe: Recipe, dataset: Dataset) -> dict[str, Any]:
    """What all trials share, ready for JSON."""
    found = result_fields(recipe.as_dict()) | {
        "search": list(tuning.search),
        "candidates": list(tuning.candidates),
        IMAGES: dataset.fingerprint(),
    }
    for name in tuning.search:  # the trials choose them
        found.pop(name, None)
    return found


def _claim(
    directory: pathlib.Path, settings: dict[str, Any], recipe: Recipe, dataset: Dataset
) -> None:
    check_workdir(directory, SETTINGS, "search")
    file = directory / SETTINGS
    if file.exists():
        found = read_card(file)
        old, new = (
            {name: value for name, value in x.items() if name not in (IMAGES, RUN_DATA)}
            for x in (found, settings)
        )
        root = recipe.runtime.data_dir
        data = data_changes(found, dataset, directory, root, old == new)
        check_settings(f"{directory} holds a search", old, new, data)
        return
    directory.mkdir(parents=True, exist_ok=True)
    write_card(settings | data_facts(dataset), file)
    save_manifest(recipe, directory, dataset)


def _remove(directory: pathlib.Path) -> None:
    """Removes a search from its folder, and nothing else."""
    if (directory / SETTINGS).exists():
        shutil.rmtree(directory)
