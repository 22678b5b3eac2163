"""How a recipe file runs as a program: options, one-line errors, training, export."""

import contextlib
import difflib
import os
import pathlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tyro

from keras_hybrid.shipped_recipes import recipe_names
from keras_hybrid.train.recipe import Recipe, field_owners
from keras_hybrid.utils.errors import first_line


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
            settings of a `recipe.json` instead.
        doc: The file's docstring, shown by `--help`.
        arguments: The command line; None means the process's own.
        prog: Name of the program in its help.
    """
    doc += "\n\n--recipe FILE takes the settings of a recipe.json; options change them."
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    with one_line_errors():
        recipe = _recipe_file(arguments) or recipe
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

    def program(settings: Sweep) -> None:
        folder = settings.recipe.directory
        recipes = settings.choose(runs(settings.recipe))
        finish(sweep(recipes, folder / "runs.csv", locality_logger), folder)
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
        program(chosen)


def _recipe_file(arguments: list[str]) -> Recipe | None:
    """The recipe of `--recipe FILE`, which is taken out of the arguments.

    Its workdir belongs to the run that it comes from, and is left out.
    """
    file = take_recipe_option(arguments)
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


def take_recipe_option(arguments: list[str]) -> str | None:
    """What `--recipe` names; the option is taken out of the arguments.

    Raises:
        ValueError: If nothing follows it.
    """
    for i, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if option != "--recipe":
            continue
        del arguments[i]
        if equals:
            return value
        if i == len(arguments):
            raise ValueError("--recipe needs a file, e.g. a run's recipe.json.")
        return arguments.pop(i)
    return None


def _default(recipes: Mapping[str, Recipe], arguments: Sequence[str]) -> str:
    """The first recipe that suits the options.

    With `--weights` it is the recipe `checkpoint`, if there is one; with `--minutes`
    the first without a number of epochs.
    """
    names = list(recipes)
    options = {argument.partition("=")[0] for argument in arguments}
    if "--weights" in options and "checkpoint" in recipes:
        return "checkpoint"
    if "--minutes" in options:
        names = [x for x in names if not recipes[x].optimization.epochs] + names
    return names[0]


def train_and_export(recipe: Recipe) -> None:
    """Runs a recipe, exports its formats, and prints where the files are."""
    from keras_hybrid.train import run
    from keras_hybrid.train.multiprocess import barrier, process_index
    from keras_hybrid.train.summarize_test import headline_lines

    _check_formats(recipe.runtime.export)
    _check_images(recipe)
    result = run(recipe, locality_logger)
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
    for name in (
        "model.keras",
        "report.html",
        "metrics.jsonl",
        "manifest.csv",
        "card.json",
        "golden",
    ):
        if (directory / name).exists():
            print(f"  {name}")
    for report in reports:
        print(f"  {report}")
    print("\nClassify your own images:")
    print(f"  keras-hybrid predict {directory} IMAGE.png")
    barrier()


def _check_images(recipe: Recipe) -> None:
    """Prints what a quick check of a folder finds, before its first run."""
    from keras_hybrid.data.check.quick_check import quick_check

    folder, done = recipe.runtime.data_dir, recipe.directory / "card.json"
    if recipe.data.dataset == "folder" and folder and not done.exists():
        manifest = recipe.runtime.manifest
        grouped = recipe.data.group_by != "none" or manifest is not None
        lines = quick_check(
            pathlib.Path(folder), manifest, grouped, fit=recipe.data.fit
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


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Turns an error that the user can fix into one line and exit code 2.

    With `KERAS_HYBRID_TRACEBACK=1` it shows the traceback instead.
    """
    try:
        yield
    except BrokenPipeError:  # e.g. of `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
        if os.environ.get("KERAS_HYBRID_TRACEBACK"):
            raise
        text = first_line(error) if "Arguments received" in str(error) else str(error)
        if isinstance(error, OSError) and error.filename and error.strerror:
            text = f"{error.filename}: {error.strerror}"
        print(f"error: {text}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit("\nStopped. The same command resumes.")
