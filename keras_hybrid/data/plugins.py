"""Datasets and augmentations that other installed packages bring."""

import importlib.metadata
from typing import Any


def installed(group: str) -> dict[str, importlib.metadata.EntryPoint]:
    """The entry points of a group, by name; nothing is imported yet."""
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=group)}


def load_plugin(group: str, name: str) -> Any:
    """The object behind an entry point, or None if no package declares it."""
    entry = installed(group).get(name)
    return entry.load() if entry else None
