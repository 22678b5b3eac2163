"""Entry points: plugins from other installed packages."""

import importlib.metadata
import warnings
from typing import Any

from keras_hybrid.utils.errors import first_line


def installed(group: str) -> dict[str, importlib.metadata.EntryPoint]:
    """The entry points of a group by name; none of them is imported."""
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=group)}


def load_plugin(group: str, name: str) -> Any:
    """The object of an entry point, or None if no package declares the name."""
    entry = installed(group).get(name)
    return entry.load() if entry else None


def load_plugins(group: str) -> None:
    """Imports all entry points of a group.

    One that cannot be imported is left out, with a warning that names it.
    """
    for name, entry in installed(group).items():
        try:
            entry.load()
        except Exception as error:  # the import of a package may raise anything
            warnings.warn(
                f"The plugin {name} ({entry.value}, group {group}) cannot be imported: "
                f"{first_line(error)}",
                stacklevel=2,
            )
