"""The weights inside a training checkpoint, with plain names."""

import re
from collections.abc import Mapping
from typing import Any

EMA = ("state_dict_ema", "model_ema", "ema")
RAW = ("state_dict", "model", "module", "net", "params")
_PARALLEL = re.compile(r"^(?:module\.)+|(?<![^.])_orig_mod\.")


def unwrap(content: Mapping[str, Any], which: str | None = None) -> dict[str, Any]:
    """The tensors of a checkpoint by torch name.

    The state dict is looked for under the usual keys. A moving average (EMA) is
    preferred to the weights that it averages; one printed line says which was taken
    where there are several. Nested modules become names with dots. The prefixes of
    parallel training and of compiled models are removed. What is no tensor, such as an
    epoch or the options of a run, is left out.

    Args:
        content: What the file holds.
        which: Key of the weights to take, e.g. `"model"`; None chooses.

    Raises:
        ValueError: If there is no such key, or there are no tensors at all.
    """
    taken = content
    while keys := [key for key in (*EMA, *RAW) if _holds_tensors(taken.get(key))]:
        key = keys[0]
        if which is not None:
            if which not in keys:
                break
            key = which
        if len(keys) > 1:
            others = ", ".join(x for x in keys if x != key)
            print(f"Took the weights under {key}; there are also {others}.", flush=True)
        taken, which = taken[key], None
    if which is not None:
        raise ValueError(
            f"The checkpoint has no weights under {which}; it has {_keys(content)}."
        )
    tensors = _flat(taken)
    if not tensors:
        raise ValueError(
            f"The checkpoint holds no tensors; it holds {_keys(content)}. Give a file "
            "of weights."
        )
    return {_PARALLEL.sub("", name): value for name, value in tensors.items()}


def _holds_tensors(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(_flat(value))


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The tensors of a tree of mappings by their path with dots."""
    tensors: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            tensors |= _flat(value, f"{prefix}{key}.")
        elif hasattr(value, "shape") and hasattr(value, "dtype"):
            tensors[f"{prefix}{key}"] = value
    return tensors


def _keys(content: Mapping[str, Any]) -> str:
    kinds = [f"{key} ({type(value).__name__})" for key, value in content.items()]
    return ", ".join(kinds[:8]) + (" ..." if len(kinds) > 8 else "") or "nothing"
