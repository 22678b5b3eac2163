"""Fields of the families' configs, and checks of their values."""

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any


def option(default: Any, help: str) -> Any:
    """A field of a family's config.

    Args:
        default: Its default value.
        help: A line that says what it is, for the docstring of the builders and for
            `keras-hybrid info`.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class ToyConfig:
        ...     width: int = option(16, "Channels.")
    """
    return dataclasses.field(default=default, metadata={"help": help})


def check_choice(name: str, value: Any, choices: Collection[Any]) -> None:
    """Raises ValueError unless `value` is one of `choices`."""
    if value not in choices:
        known = ", ".join(map(repr, choices))
        raise ValueError(f"{name} must be one of {known}, not {value!r}.")


def check_per_stage(config: Any, names: Sequence[str], stages: int) -> None:
    """Raises ValueError unless each named field has one value per stage."""
    for name in names:
        value = getattr(config, name)
        if not isinstance(value, Sequence) or len(value) != stages:
            raise ValueError(f"{name} takes {stages} values, one per stage: {value!r}.")
