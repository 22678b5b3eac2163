"""Whether a value read from a file has the type of a field."""

import types
from typing import Any, Literal, Union, get_args, get_origin


def has_type(value: Any, kind: Any) -> bool:
    """Whether a value is of a type, as dataclasses of settings declare them.

    Args:
        value: The value.
        kind: A class, `Literal`, a union, or a tuple of these. An integer is a float,
            too; a bool is neither.
    """
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return any(has_type(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if parts[-1] is Ellipsis:
            return all(has_type(x, parts[0]) for x in value)
        return len(value) == len(parts) and all(map(has_type, value, parts))
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)
