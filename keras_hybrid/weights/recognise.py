"""Which code base a checkpoint is of, by the names of its tensors."""

import re
from collections.abc import Collection, Iterable, Mapping

import numpy as np

from keras_hybrid.weights.name_map import NameMap, registered_name_maps

_PREFIXES = re.compile(r"(?:(?:model|net|backbone|encoder)\.)*")
_DISTILLATION = re.compile(r"(?:^|\.)head_dist\.")
_SHOWN = 6


def recognise(
    tensors: Mapping[str, np.ndarray], variables: Collection[str]
) -> tuple[dict[str, np.ndarray], NameMap]:
    """The name map of a checkpoint, and its tensors by the names that the map has.

    Of the name maps with a marker in the checkpoint, it is the one that maps most
    tensors to variables. A prefix such as `backbone.` is removed if that maps more. A
    distillation head is left out, which one printed line says.

    Args:
        tensors: The tensors by torch name.
        variables: Paths of the model's variables.

    Raises:
        ValueError: If no name map has its marker in the checkpoint.
    """
    kept = {k: v for k, v in tensors.items() if not _DISTILLATION.search(k)}
    if len(kept) < len(tensors):
        print("Left out the checkpoint's distillation head, head_dist.", flush=True)
    candidates = [
        (_mapped(named, name_map, variables), -len(prefix), named, name_map)
        for prefix in _prefixes(kept)
        for named in [_without(kept, prefix)]
        for name_map in registered_name_maps()
        if name_map.recognises(named)
    ]
    if not candidates:
        raise ValueError(_refusal(kept, variables))
    *_, named, name_map = max(candidates, key=lambda x: x[:2])
    return named, name_map


def _mapped(
    tensors: Mapping[str, np.ndarray], name_map: NameMap, variables: Collection[str]
) -> int:
    names = name_map.unfuse(tensors)
    return sum(name_map.find(name, variables) is not None for name in names)


def _prefixes(names: Iterable[str]) -> set[str]:
    """All beginnings of the names that consist of usual prefixes; "" is one."""
    found = {""}
    for name in names:
        chain = _PREFIXES.match(name).group()  # type: ignore[union-attr]  # it matches ""
        words = chain.split(".")[:-1]
        found |= {"".join(f"{x}." for x in words[: i + 1]) for i in range(len(words))}
    return found


def _without(tensors: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): value for name, value in tensors.items()}


def _refusal(tensors: Mapping[str, np.ndarray], variables: Collection[str]) -> str:
    """What is in a checkpoint that nothing recognises, and what comes nearest."""
    maps = registered_name_maps()
    first = [f"  {name} {value.shape}" for name, value in tensors.items()][:_SHOWN]
    counts = {x.name: sum(bool(x.translate(n)) for n in tensors) for x in maps}
    nearest = max(counts, key=lambda name: counts[name])
    known = "; ".join(counts)
    near = (
        f"Nearest is {nearest}, which has {counts[nearest]} of the {len(tensors)} names"
        if counts[nearest]
        else "No known code has any of them"
    )
    return "\n".join(
        [
            f"No name map recognises the names of the {len(tensors)} tensors in this "
            "checkpoint. It begins:",
            *(first or ["  nothing"]),
            f"{near}. Known: {known}. weights.register_name_map adds one.",
        ]
    )
