"""Offsets between the positions of an axis, and their rows in a table."""

import math


def axis_offsets(side: int, periodic: bool) -> list[int]:
    """Offsets between the positions of an axis, in the order of the table's rows."""
    if periodic:
        return [d if 2 * d <= side else d - side for d in range(side)]
    return list(range(1 - side, side))


def offset_rows(side: int, periodic: bool) -> list[int]:
    """Row of the table for query i and key j of an axis, i first."""
    pairs = [i - j for i in range(side) for j in range(side)]
    return [d % side if periodic else d + side - 1 for d in pairs]


def signed_log(offset: int) -> float:
    """The offset's sign times log(1 + its size)."""
    return math.copysign(math.log1p(abs(offset)), offset)
