"""Families and their variants: how a table row becomes a builder and a name."""

import dataclasses
import difflib
import fnmatch
import inspect
import re
from collections.abc import Callable
from typing import Any

import keras

from keras_hybrid.models.assembly import (
    COMMON_ARGUMENTS,
    IMAGENET,
    Preprocessing,
    assemble,
)

_VARIANTS: dict[str, "Variant"] = {}


@dataclasses.dataclass(frozen=True)
class Family:
    """What the variants of one paper share.

    Attributes:
        name: The paper's name of the architecture, also that of the builder.
        network: `network(x, config) -> (map, vector)`, see `assembly.assemble`.
        config: The frozen dataclass of its hyper-parameters.
        input_shape: Default `(height, width, channels)`.
        classes: Default number of classes.
        preprocessing: Normalisation and evaluation crop of the published weights.
        paper: Citation.
    """

    name: str
    network: Callable
    config: type
    input_shape: tuple[int, int, int]
    classes: int
    paper: str
    preprocessing: Preprocessing = IMAGENET


@dataclasses.dataclass(frozen=True)
class Variant:
    """A published configuration.

    Attributes:
        name: Name on the command line, as in `list_models()`.
        builder: The function that builds it, e.g. `models.CvT13`.
        family: Its family.
        config: Its hyper-parameters.
        parameters: Trainable parameters at the default size and classes.
        macs: Multiply-adds of one image at the default size.
        reported: What the paper says of it.
    """

    name: str
    builder: Callable[..., keras.Model]
    family: Family
    config: Any
    parameters: int
    macs: int
    reported: str


def family_builder(family: Family) -> Callable[..., keras.Model]:
    """The generic builder of a family: the whole configuration by keyword."""
    summary = f"Builds any network of the {family.name} family. {family.paper}"
    return _builder(family, family.config(), family.name, summary)


def variant(
    family: Family, name: str, parameters: int, macs: int, reported: str = "", **fields
) -> Callable[..., keras.Model]:
    """Registers a row of a family's table and returns its builder.

    Args:
        family: The family.
        name: Name of the builder; the registered name is its snake case.
        parameters: Trainable parameters at the family's default size and classes.
        macs: Multiply-adds at the default size.
        reported: What the paper says of it, in a few words.
        **fields: Where it differs from the family's default configuration.
    """
    config = family.config(**fields)
    summary = f"Builds {name}: {parameters:,} parameters. {reported}".strip()
    builder = _builder(family, config, name, summary)
    key = _registered_name(name, family.name)
    _VARIANTS[key] = Variant(key, builder, family, config, parameters, macs, reported)
    return builder


def list_models(pattern: str = "*") -> list[str]:
    """Names of the variants that match a shell pattern, e.g. `"atc*"`."""
    return [name for name in _VARIANTS if fnmatch.fnmatch(name, pattern.lower())]


def get(name: str) -> Variant:
    """The variant of that name; case, dashes and underscores do not matter.

    Raises:
        ValueError: If there is none; the message names the nearest ones.
    """
    plain = {key.replace("_", ""): key for key in _VARIANTS}
    wanted = name.lower().replace("-", "").replace("_", "")
    if wanted in plain:
        return _VARIANTS[plain[wanted]]
    near = [plain[n] for n in difflib.get_close_matches(wanted, plain, 3, 0.5)]
    near = ", ".join(near or list(_VARIANTS))
    raise ValueError(f"There is no model {name!r}. Nearest: {near}.")


def _builder(family, config, name, summary) -> Callable[..., keras.Model]:
    fields = {field.name for field in dataclasses.fields(config)}
    defaults = {"classes": family.classes, "input_shape": family.input_shape}

    def build(**arguments) -> keras.Model:
        common = {"name": _registered_name(name, family.name)} | defaults
        changed = {}
        for key, value in arguments.items():
            if key in fields:
                if value is not None:  # None keeps the configuration's value
                    changed[key] = value
            elif key in COMMON_ARGUMENTS:
                if value is not None or key not in common:
                    common[key] = value
            else:
                raise TypeError(_unknown_argument(name, key, fields))
        changed = dataclasses.replace(config, **changed)
        return assemble(family, changed, **common)

    build.__name__ = build.__qualname__ = name
    build.__doc__ = _docstring(summary, config)
    build.__signature__ = _signature(config, defaults)
    return build


def _unknown_argument(name: str, key: str, fields: set[str]) -> str:
    known = sorted(fields | set(COMMON_ARGUMENTS))
    near = difflib.get_close_matches(key, known, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"{name} has no argument {key!r}.{hint} It takes: {', '.join(known)}."


def _docstring(summary: str, config) -> str:
    common = "\n".join(f"    {name}: {what}" for name, what in COMMON_ARGUMENTS.items())
    fields = "\n".join(
        f"    {field.name}: {field.metadata.get('help', '')}"
        f" Default {getattr(config, field.name)!r}."
        for field in dataclasses.fields(config)
    )
    return (
        f"{summary}\n\nArgs:\n{common}\n{fields}\n\n"
        "Returns:\n    A functional `keras.Model`, `(None, H, W, C)` -> "
        "`(None, classes)`.\n\n"
        "Raises:\n    TypeError: For an unknown argument.\n"
        "    ValueError: For an input size or a setting it cannot take.\n"
    )


def _signature(config, defaults) -> inspect.Signature:
    parameters = inspect.signature(assemble).parameters
    known = {
        key: defaults.get(key, parameters[key].default) for key in COMMON_ARGUMENTS
    } | dataclasses.asdict(config)
    return inspect.Signature(
        [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=value)
            for key, value in known.items()
        ],
        return_annotation=keras.Model,
    )


def _registered_name(name: str, family: str) -> str:
    """CvT13 -> cvt13, CvTW24 -> cvt_w24, ATC5A -> atc5a, CoAtNet0RW -> coatnet0_rw."""
    prefix = family if name.startswith(family) else ""
    words = re.findall(
        r"[A-Z]+(?![a-z])|[A-Z][a-z]+|\d+(?:[A-Z]\b)?", name[len(prefix) :]
    )
    parts = [word if word[0].isdigit() else f"_{word}" for word in words]
    return (prefix + "".join(parts)).lower().strip("_")
