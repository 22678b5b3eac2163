"""Writes the results of a search: its trials, two plots, and the best recipe."""

import dataclasses
import functools
import pathlib
import warnings
from typing import TYPE_CHECKING

from keras_hybrid.train.recipe import Recipe
from keras_hybrid.utils.card import write_card
from keras_hybrid.utils.csv_rows import write_csv
from keras_hybrid.utils.files import write_atomically
from keras_hybrid.utils.fonts import save_figure

if TYPE_CHECKING:
    import optuna


def write_results(
    study: "optuna.Study", directory: pathlib.Path, best: Recipe | None = None
) -> None:
    """Writes `trials.csv` and the best recipe.

    Args:
        study: The search.
        directory: The folder.
        best: The best settings so far, for `recipe.json`.
    """
    rows = [
        {
            "trial": trial.number + 1,
            "state": trial.state.name.lower(),
            "value": trial.value if trial.state.name == "COMPLETE" else None,
            "seconds": trial.duration and round(trial.duration.total_seconds(), 1),
            **trial.params,
        }
        for trial in study.trials
        if trial.state.is_finished()
    ]
    write_csv(rows, directory / "trials.csv")
    if best is None:
        return
    runtime = dataclasses.replace(best.runtime, workdir=None, overwrite=False)
    write_card(
        dataclasses.replace(best, runtime=runtime).as_dict(), directory / "recipe.json"
    )


def plot(study: "optuna.Study", directory: pathlib.Path) -> None:
    """The importance of each setting, and every trial as a line."""
    values = [x.value for x in study.trials if x.state.name == "COMPLETE"]
    if len(values) < 4 or len(set(values)) < 2:
        return  # too few for a plot
    import matplotlib.pyplot as plt
    from optuna.visualization import matplotlib as plots

    figures = {
        "importance.png": plots.plot_param_importances,
        "trials.png": plots.plot_parallel_coordinate,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna calls its plots experimental
        for name, plot in figures.items():
            figure = plot(study).figure
            save = functools.partial(
                save_figure, figure, format="png", bbox_inches="tight"
            )
            write_atomically(directory / name, save)
            plt.close(figure)
