"""The wire format of protocol buffers, read without the schema's package.

https://protobuf.dev/programming-guides/encoding
"""

import math
from collections import defaultdict
from typing import TypeAlias

Fields: TypeAlias = dict[int, list[int | memoryview]]
"""Values by field number: integers, or bytes of strings and messages."""


def fields_of(message: bytes | memoryview) -> Fields:
    """The fields of a message; fixed-size values are left out.

    Raises:
        ValueError: If it is damaged.
    """
    view = memoryview(message)
    found: Fields = defaultdict(list)
    at = 0
    while at < len(view):
        key, at = _varint(view, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(view, at)
            found[number].append(value)
        elif kind == 2:
            length, at = _varint(view, at)
            found[number].append(view[at : at + length])
            at += length
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError("damaged: it is no protocol buffer")
    if at > len(view):
        raise ValueError("damaged: it is cut short")
    return found


def messages(fields: Fields, *path: int) -> list[Fields]:
    """All messages that lie at a path of field numbers."""
    level = [fields]
    for number in path:
        level = [fields_of(x) for f in level for x in _bytes(f, number)]
    return level


def texts(fields: Fields, number: int) -> list[str]:
    """All strings of a field; what is no UTF-8 is replaced."""
    return [bytes(x).decode("utf-8", "replace") for x in _bytes(fields, number)]


def size_of_shape(shape: Fields) -> int:
    """Values of a `TensorShapeProto`; an unknown side counts as 1."""
    sides = [x for dim in messages(shape, 2) for x in dim.get(1, [1])]
    return math.prod(x for x in sides if isinstance(x, int) and x < 2**63)


def _bytes(fields: Fields, number: int) -> list[memoryview]:
    values = fields.get(number, [])
    if any(isinstance(value, int) for value in values):
        raise ValueError("damaged: a number in place of a message")
    return values  # type: ignore[return-value]  # no integers are left


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(view):
            raise ValueError("damaged: it is cut short")
        byte = view[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("damaged: a number without an end")
