"""How a recipe file runs as a program: options, one-line errors, training, export."""

import difflib
import pathlib
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tyro

from keras_hybrid.restart import command_line, handed_over, may_restart, restart
from keras_hybrid.shipped_recipes import recipe_names
from keras_hybrid.train.earlier_run import recipe_from
from keras_hybrid.train.recipe import Recipe, field_owners
from keras_hybrid.train.speed_trial.decide import OtherBackend, SpeedTrial
from keras_hybrid.utils.compilation_cache import keep_compiled
from keras_hybrid.utils.one_line_errors import one_line_errors


def run_recipe(
    recipe: Recipe | Mapping[str, Recipe],
    doc: str,
    arguments: Sequence[str] | None = None,
    prog: str | None = None,
) -> None:
    """The main program of a recipe file: options, training, export, summary.

    Args:
        recipe: The recipe, or recipes by name. The command line may change every field;
            its first word chooses a recipe by name. The default is the first; with
            `--minutes` it is the first whose `epochs` are 0. `--recipe FILE` takes the
            settings of a `recipe.json` instead, and `--from RUN` those with which
            classes are added to a run.
        doc: The file's docstring, shown by `--help`.
        arguments: The command line; None means the process's own.
        prog: Name of the program in its help.
    """
    doc += (
        "\n\n--recipe FILE takes the settings of a recipe.json; options change them. "
        "--from RUN adds the classes and images of --data-dir to a classifier."
    )
    own = arguments is None
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    with one_line_errors():
        recipe = _given_recipe(arguments) or recipe
    with command_line(own):
        _run_program(recipe, doc, train_and_export, arguments, prog)


def run_sweep(
    recipe: Recipe,
    doc: str,
    runs: Callable[[Recipe], Mapping[str, Recipe]],
    finish: Callable[[dict[str, dict[str, Any]], pathlib.Path], None],
    arguments: Sequence[str] | None = None,
) -> None:
    """The main program of a recipe file with many runs.

    Args:
        recipe: The settings that all runs share; the command line may change them.
        doc: The file's docstring, shown by `--help`.
        runs: Makes the recipes of the runs, by name, from the shared one.
        finish: Called after the last run with the rows of the table and the workdir.
        arguments: The command line; None means the process's own.
    """
    from keras_hybrid.train.sweep import Sweep, sweep
    from keras_hybrid.train.workdir import SWEEP_TABLE

    def program(settings: Sweep) -> None:
        folder = settings.recipe.directory
        recipes = settings.choose(runs(settings.recipe))
        finish(sweep(recipes, folder / SWEEP_TABLE, locality_logger), folder)
        print(f"\nWritten to {folder}.")

    _run_program(Sweep(recipe), doc, program, arguments)


def _run_program(
    settings: Any,
    doc: str,
    program: Callable[[Any], None],
    arguments: Sequence[str] | None,
    prog: str | None = None,
) -> None:
    """Runs `program` on settings, or a choice of them, from the command line."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    with one_line_errors():
        if isinstance(settings, Mapping):
            doc += f"\n\nThe first word chooses a recipe: {', '.join(settings)}."
            named = arguments and arguments[0] in settings
            settings = settings[
                arguments.pop(0) if named else _default(settings, arguments)
            ]
        chosen, unknown = tyro.cli(
            type(settings),
            default=settings,
            description=doc,
            args=arguments,
            prog=prog,
            return_unknown_args=True,
            config=(tyro.conf.OmitArgPrefixes,),
        )
        _refuse(unknown)
        keep_compiled()
        try:
            program(chosen)
        except OtherBackend as other:
            restart(other.choice)


def _given_recipe(arguments: list[str]) -> Recipe | None:
    """The recipe of `--recipe FILE` or `--from RUN`, which is taken out.

    The workdir of a file belongs to the run that it comes from, and is left out.
    """
    file = take_option(arguments, "--recipe", "a file, e.g. a run's recipe.json")
    run = take_option(arguments, "--from", "the folder of a run")
    if file and run:
        raise ValueError("--recipe and --from exclude each other.")
    if run:
        recipe = recipe_from(run)
        counted = any(x.partition("=")[0] == "--epochs" for x in arguments)
        return recipe.replace(minutes=None) if counted else recipe
    if file is None:
        return None
    if file.endswith(".py"):
        raise ValueError(
            f"--recipe takes a run's recipe.json; a recipe file is run by Python: "
            f"python {file}"
        )
    if not pathlib.Path(file).exists():
        raise ValueError(
            f"--recipe {file} is no file, and no recipe of this package; those are "
            f"{', '.join(recipe_names())}."
        )
    return Recipe.read(pathlib.Path(file)).replace(workdir=None, overwrite=False)


def take_option(arguments: list[str], name: str, needs: str) -> str | None:
    """What follows an option, which is taken out of the arguments.

    Args:
        arguments: The command line.
        name: The option.
        needs: What it needs, for the error.

    Raises:
        ValueError: If nothing follows it.
    """
    for i, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if option != name:
            continue
        del arguments[i]
        if equals:
            return value
        if i == len(arguments):
            raise ValueError(f"{name} needs {needs}.")
        return arguments.pop(i)
    return None


def _default(recipes: Mapping[str, Recipe], arguments: Sequence[str]) -> str:
    """The first recipe that suits the options.

    With `--weights` it is the recipe `checkpoint`, if there is one; with `--task NAME`
    the recipe of that name; with `--minutes` the first without a number of epochs.
    """
    names = list(recipes)
    options = {argument.partition("=")[0] for argument in arguments}
    if "--weights" in options and "checkpoint" in recipes:
        return "checkpoint"
    if (task := _value_of("--task", arguments)) in recipes:
        return task
    if "--minutes" in options:
        names = [x for x in names if not recipes[x].optimization.epochs] + names
    return names[0]


def _value_of(option: str, arguments: Sequence[str]) -> str:
    """What follows an option; empty if it is not there."""
    following = [*arguments[1:], ""]
    for argument, after in zip(arguments, following, strict=True):
        name, equals, value = argument.partition("=")
        if name == option:
            return value if equals else after
    return ""


def train_and_export(recipe: Recipe) -> None:
    """Runs a recipe, exports its formats, and prints where the files are."""
    from keras_hybrid.train import dry_run, find_lr
    from keras_hybrid.train.multiprocess import barrier, process_index
    from keras_hybrid.train.run import run_timed
    from keras_hybrid.train.run_result import FILES
    from keras_hybrid.train.summarize_test import headline_lines

    _check_formats(recipe.runtime.export)
    trial = SpeedTrial(may_restart(), handed_over())
    trial.begin(recipe)
    _check_images(recipe)
    if recipe.runtime.dry_run:
        print(dry_run(recipe).text())
        return
    if recipe.runtime.find_lr:
        print(find_lr(recipe).text())
        return
    result = run_timed(recipe, locality_logger, (), trial)
    if process_index() > 0:
        barrier()  # if one process exits early, the others fail
        return
    directory, card = result.directory, result.card
    reports = []
    if recipe.runtime.export:
        from keras_hybrid.export import export

        print(f"\nExporting to {', '.join(recipe.runtime.export)} ...", flush=True)
        reports = export(
            result.model_file, recipe.runtime.export, directory, overwrite=True
        )
    print(f"\n{card['model']} on {card['dataset']}: ", end="")
    print(", ".join(f"{key} {value:g}" for key, value in result.metrics.items()))
    for line in headline_lines(card):
        print(line)
    print(f"\nWritten to {directory}:")
    for name in (*FILES, "golden"):
        if (directory / name).exists():
            print(f"  {name}")
    for report in reports:
        print(f"  {report}")
    print("\nUse it on your own images:")
    print(f"  keras-hybrid predict {shlex.quote(str(directory))} IMAGE.png")
    barrier()


def _check_images(recipe: Recipe) -> None:
    """Prints what a quick check of a folder finds, before its first run."""
    from keras_hybrid.data.check.quick_check import quick_check
    from keras_hybrid.data.targets import CLASSIFICATION

    folder, done = recipe.runtime.data_dir, recipe.directory / "card.json"
    if recipe.data.dataset == "folder" and folder and not done.exists():
        manifest = recipe.runtime.manifest
        grouped = recipe.data.group_by != "none" or manifest is not None
        lines = quick_check(
            pathlib.Path(folder),
            manifest,
            grouped,
            fit=recipe.data.fit,
            by_class=recipe.data.task == CLASSIFICATION,
        )
        for line in lines:
            print(line, flush=True)


def _check_formats(names: Sequence[str]) -> None:
    """Refuses formats that could not be written after training."""
    if not names:
        return
    from keras_hybrid.export.formats import require

    for name in names:
        require(name)
    if "litert_int8" in names:
        raise ValueError(
            "litert_int8 needs images for calibration: train without it, then use "
            "keras-hybrid export."
        )


def locality_logger(
    recipe: Recipe, directory: pathlib.Path, network: Any, split: Any
) -> list[Any]:
    """The callback that logs attention distances, if the recipe asks for it."""
    count = min(recipe.runtime.log_attention_images, len(split))
    if not count:
        return []
    from keras_hybrid.analysis import LocalityLogger

    images = split.take(np.arange(count)).images
    return [LocalityLogger(directory / "locality.csv", images, network=network)]


def _refuse(unknown: list[str]) -> None:
    if not unknown:
        return
    known = ["--" + name.replace("_", "-") for name in field_owners()]
    near = difflib.get_close_matches(unknown[0].split("=")[0], known, 1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise ValueError(f"There is no option {unknown[0]}. {hint}--help lists all.")
