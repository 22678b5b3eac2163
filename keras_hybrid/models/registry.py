"""The registry: variants by name, and the builders of a family."""

import dataclasses
import difflib
import fnmatch
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import keras

from keras_hybrid.models.assembly import COMMON_ARGUMENTS, assemble
from keras_hybrid.models.checkpoints import resolve
from keras_hybrid.models.family import Family
from keras_hybrid.utils.plugins import load_plugins

ENTRY_POINTS = "keras_hybrid.models"
"""Entry point group: `NAME = "module"`, a module that registers variants on import."""

Builder: TypeAlias = Callable[..., keras.Model]
"""A function that builds a model. Its docstring lists its keyword arguments."""

_VARIANTS: dict[str, "Variant"] = {}


@dataclasses.dataclass(frozen=True)
class Variant:
    """A named configuration of a family.

    Attributes:
        name: Name on the command line, as in `list_models()`.
        builder: The function that builds it, e.g. `models.CvT13`.
        family: Its family.
        config: Its hyper-parameters.
        parameters: Trainable parameters at the default size and classes.
        macs: Multiply-adds of one image at the default size.
        reported: Reported accuracy.
    """

    name: str
    builder: Builder
    family: Family
    config: Any
    parameters: int
    macs: int
    reported: str


def family_builder(family: Family) -> Builder:
    """The generic builder of a family: every field of its config is a keyword.

    Args:
        family: The family.

    Returns:
        A function that returns a `keras.Model`. Its keywords are the common arguments
        of all builders and the fields of the family's config.

    Raises:
        ValueError: If a field of the config has the name of a common argument.
    """
    summary = f"Builds any network of the {family.name} family. {family.paper}"
    return _builder(family, family.config(), family.name, summary)


def variant(
    family: Family,
    name: str,
    parameters: int,
    macs: int,
    reported: str = "",
    **fields: Any,
) -> Builder:
    """Registers a variant of a family and returns its builder.

    A package that is installed beside this one can name the module that registers its
    variants in the entry point group `keras_hybrid.models`: `get`, `list_models` and
    the command line import it where they need it.

    Args:
        family: The family.
        name: Name of the builder; the registered name is its snake case.
        parameters: Trainable parameters at the family's default size and classes.
        macs: Multiply-adds at the default size.
        reported: Reported accuracy, e.g. `"ImageNet top-1 81.6 %."`.
        **fields: Fields whose values differ from the defaults of the family's config.

    Raises:
        TypeError: If the config has no such field.
        ValueError: If a variant of another family has the name, or a field of the
            config has the name of a common argument.

    Example:
        >>> Toy2 = variant(FAMILY, "Toy2", parameters=1_210, macs=350_000, depth=2)
        >>> get("toy2").builder is Toy2
        True
    """
    config = family.config(**fields)
    summary = f"Builds {name}: {parameters:,} parameters. {reported}".strip()
    builder = _builder(family, config, name, summary)
    key = _registered_name(name, family.name)
    known = {_plain(other): row for other, row in _VARIANTS.items()}.get(_plain(key))
    if known and _origin(known.family) != _origin(family):
        raise ValueError(
            f"The model name {key!r} is taken by the {known.family.name} family; "
            "choose another."
        )
    _VARIANTS[key] = Variant(key, builder, family, config, parameters, macs, reported)
    return builder


def list_models(pattern: str = "*") -> list[str]:
    """Names of the variants that match a shell pattern, e.g. `"atc*"`.

    Families of other installed packages are among them.
    """
    load_plugins(ENTRY_POINTS)
    return [name for name in _VARIANTS if fnmatch.fnmatch(name, pattern.lower())]


def get(name: str) -> Variant:
    """The variant of that name; case, dashes and underscores do not matter.

    Raises:
        ValueError: If there is none; the message names the nearest ones.
    """
    wanted = _plain(name)
    if wanted not in map(_plain, _VARIANTS):
        load_plugins(ENTRY_POINTS)
    plain = {_plain(key): key for key in _VARIANTS}
    if wanted in plain:
        return _VARIANTS[plain[wanted]]
    near = [plain[n] for n in difflib.get_close_matches(wanted, plain, 3, 0.5)]
    nearest = ", ".join(near or _VARIANTS)
    raise ValueError(f"There is no model {name!r}. Nearest: {nearest}.")


def _builder(family: Family, config: Any, name: str, summary: str) -> Builder:
    fields = {field.name for field in dataclasses.fields(config)}
    if taken := fields & set(COMMON_ARGUMENTS):
        raise ValueError(
            f"{family.config.__name__} has fields with the names of arguments that "
            f"every builder has: {', '.join(sorted(taken))}."
        )
    defaults = {"classes": family.classes, "input_shape": family.input_shape}
    key_of_variant = _registered_name(name, family.name)

    def build(**arguments: Any) -> keras.Model:
        common: dict[str, Any] = {"name": key_of_variant} | defaults
        changed: dict[str, Any] = {}
        if arguments.get("weights") is not None:
            checkpoint = resolve(arguments["weights"], key_of_variant)
            arguments = arguments | {"weights": checkpoint}
            common |= checkpoint.defaults()
            changed |= checkpoint.config
        for key, value in arguments.items():
            if key in fields:
                if value is not None:  # None keeps the configuration's value
                    changed[key] = value
            elif key in COMMON_ARGUMENTS:
                if value is not None or key not in common:
                    common[key] = value
            else:
                raise TypeError(_unknown_argument(name, key, fields))
        return assemble(family, dataclasses.replace(config, **changed), **common)

    build.__name__ = build.__qualname__ = name
    build.__doc__ = _docstring(summary, config)
    build.__dict__["__signature__"] = _signature(config, defaults)
    return build


def _unknown_argument(name: str, key: str, fields: set[str]) -> str:
    known = sorted(fields | set(COMMON_ARGUMENTS))
    near = difflib.get_close_matches(key, known, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"{name} has no argument {key!r}.{hint} It takes: {', '.join(known)}."


def _docstring(summary: str, config: Any) -> str:
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


def _signature(config: Any, defaults: Mapping[str, Any]) -> inspect.Signature:
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


def _origin(family: Family) -> tuple[str, str]:
    """The family's name and the module of its config, the same after a reload."""
    return family.name, family.config.__module__


def _plain(name: str) -> str:
    """A name without case, dashes and underscores."""
    return name.lower().replace("-", "").replace("_", "")


def _registered_name(name: str, family: str) -> str:
    """CvT13 -> cvt13, CvTW24 -> cvt_w24, CoAtNet0RW -> coatnet0_rw.

    ATC5A is atc5a, and WRN16_8 is wrn16_8.
    """
    prefix = family if name.startswith(family) else ""
    words = re.findall(
        r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|_?\d+(?:[A-Z]\b)?", name[len(prefix) :]
    )
    parts = [
        word if word[-1:].isdigit() or word[0].isdigit() else f"_{word}"
        for word in words
    ]
    return (prefix + "".join(parts)).lower().strip("_")
