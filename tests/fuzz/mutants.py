"""Seeded damage to bytes and to JSON, of the kinds that disks, networks and people do."""

import json
import os

import numpy as np

COUNT = int(os.environ.get("KERAS_HYBRID_MUTANTS", 200))
"""Mutants of each kind."""
_STRANGE = (
    None,
    True,
    -1,
    0,
    1e308,
    float("nan"),
    10**30,
    "",
    "x",
    [],
    {},
    [[]],
    [None],
)


def damaged(content, seed):
    """The bytes with one kind of damage; the same for the same seed."""
    rng = np.random.default_rng(seed)
    changed = bytearray(content)
    at = int(rng.integers(len(changed)))
    length = int(rng.integers(1, 256))
    kind = seed % 6
    if kind == 0:  # cut short
        return bytes(changed[:at])
    if kind == 1:  # single bits
        for _ in range(int(rng.integers(1, 9))):
            changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
    elif kind == 2:  # a large number
        changed[at : at + 4] = b"\xff\xff\xff\x7f"
    elif kind == 3:  # noise
        changed[at : at + length] = rng.bytes(length)
    elif kind == 4:  # a part twice
        changed[at:at] = changed[at // 2 : at // 2 + length]
    else:  # the header
        changed[int(rng.integers(min(64, len(changed))))] = int(rng.integers(256))
    return bytes(changed)


def damaged_json(value, seed):
    """The value with one entry replaced by something strange, or left out."""
    rng = np.random.default_rng(seed)
    value = json.loads(json.dumps(value))
    places = [*_places(value)]
    parent, key = places[int(rng.integers(len(places)))]
    if seed % 4 == 0 and isinstance(parent, dict):
        del parent[key]
    else:
        parent[key] = _STRANGE[int(rng.integers(len(_STRANGE)))]
    return value


def _places(value):
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])
