"""Many runs, one after another, and one table of their metrics."""

import dataclasses
import fnmatch
import pathlib
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import keras
import tyro

from keras_hybrid.train.fit import Callbacks
from keras_hybrid.train.packages import require_packages
from keras_hybrid.train.recipe import Recipe
from keras_hybrid.train.run import run
from keras_hybrid.utils.csv_rows import write_csv


@dataclasses.dataclass(frozen=True)
class Sweep:
    """The options of a sweep."""

    recipe: Annotated[Recipe, tyro.conf.arg(name="")]
    """The settings that all runs share."""
    only: tuple[str, ...] = ("*",)
    """Names of the runs to train, shell patterns allowed, e.g. 'atc*'."""

    def choose(self, recipes: Mapping[str, Recipe]) -> dict[str, Recipe]:
        """The runs that `only` names, each with a folder in the sweep's workdir.

        Raises:
            ValueError: If it names none.
        """
        chosen = {
            name: recipe.replace(workdir=str(self.recipe.directory / name))
            for name, recipe in recipes.items()
            if any(fnmatch.fnmatch(name, pattern) for pattern in self.only)
        }
        if not chosen:
            raise ValueError(f"--only names none of the runs: {', '.join(recipes)}.")
        return chosen


def sweep(
    recipes: Mapping[str, Recipe],
    table: pathlib.Path,
    callbacks: Callbacks = (),
) -> dict[str, dict[str, Any]]:
    """Trains each recipe that is not complete and updates the table after each run.

    A stopped sweep continues where it was; complete runs are only read.

    Args:
        recipes: By the name of the run; each has a workdir of its own.
        table: The CSV file, written anew after every run.
        callbacks: More callbacks for `model.fit`, or a function that returns them; see
            `fit`.

    Returns:
        The rows of the table by the name of the run.

    Raises:
        ImportError: If a run would lack a package, before the first one starts.
    """
    rows = {}
    for recipe in recipes.values():
        recipe.check_trains("A sweep")
        require_packages(recipe)
    table.parent.mkdir(parents=True, exist_ok=True)
    for number, (name, recipe) in enumerate(recipes.items(), 1):
        print(f"\n[{number} of {len(recipes)}] {name}", flush=True)
        rows[name] = {"run": name} | _row(recipe, run(recipe, callbacks).card)
        write_csv(rows.values(), table)
        keras.backend.clear_session()
    return rows


def mean_and_spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation; a single value has the deviation 0."""
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.4g} ± {spread:.2g}"


def print_table(rows: Iterable[Mapping[str, Any]]) -> None:
    """Prints mappings with the same keys as a Markdown table."""
    rows = list(rows)
    for line in (rows[0], ["---"] * len(rows[0]), *(row.values() for row in rows)):
        print(f"| {' | '.join(map(str, line))} |")


def _row(recipe: Recipe, card: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": recipe.network.model,
        "options": " ".join(recipe.network.model_options),
        "parameters": card["parameters"],
        "fraction": recipe.data.fraction,
        "seed": recipe.optimization.seed,
        **card["metrics"],
        "recipe_hash": card["recipe_hash"],
    }
