"""The recipes that come with the package, by name."""

import importlib
import pkgutil
import runpy
import sys
from collections.abc import Sequence

PACKAGE = "keras_hybrid.recipes"  # the folder `recipes` of the repository


def recipe_names() -> list[str]:
    """Names of the recipe files, e.g. `"cifar100"`."""
    package = importlib.import_module(PACKAGE)
    return sorted(x.name for x in pkgutil.iter_modules(package.__path__))


def run_shipped_recipe(name: str, arguments: Sequence[str]) -> None:
    """Runs `recipes/NAME.py` as `python recipes/NAME.py ARGUMENTS` does.

    Args:
        name: One of `recipe_names()`.
        arguments: The command line.
    """
    before = sys.argv
    sys.argv = [name, *arguments]  # runpy replaces the first
    try:
        runpy.run_module(f"{PACKAGE}.{name}", run_name="__main__", alter_sys=True)
    finally:
        sys.argv = before
