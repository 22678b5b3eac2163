"""How one code base names its tensors, as a table from its names to ours."""

import re
from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np

# A torch leaf and the Keras variables it may be.
LEAVES = {
    "weight": ("kernel", "gamma"),
    "bias": ("bias", "beta"),
    "running_mean": ("moving_mean",),
    "running_var": ("moving_variance",),
}
IGNORED = (
    "num_batches_tracked",
    "rel_coords_log",
    "rel_indices",
    "relative_position_index",
)


class Grammar:
    """Translates the tensor names of one code base.

    Args:
        name: Whose names they are, for messages.
        marker: A pattern that some name has in this grammar and in no other.
        table: Module name -> our layer path, or tensor name -> our variable path;
            several where their name means one thing or another, of which the model
            has one. `{s}` and `{b}` stand for the stage and block number, counted
            from 0 there and from 1 here.
        fused: Last word of a module that holds several linear maps in one -> their
            names, in order. The table calls them `module.name`.
        reorder: End of our variable path -> `function(value, layer)` that puts a
            value, in Keras' layout already, in the order of our layer.
    """

    def __init__(
        self,
        name: str,
        marker: str,
        table: Mapping[str, str | Sequence[str]],
        fused: Mapping[str, Sequence[str]] | None = None,
        reorder: Mapping[str, Callable[[np.ndarray, keras.Layer], np.ndarray]]
        | None = None,
    ):
        self.name = name
        self.marker = re.compile(marker)
        self._fused = fused or {}
        self._rules = [
            (_pattern(theirs), [ours] if isinstance(ours, str) else ours)
            for theirs, ours in table.items()
        ]
        self._reorder = reorder or {}

    def recognises(self, names) -> bool:
        """Whether the tensors of a checkpoint are named by this grammar."""
        return any(self.marker.search(name) for name in names)

    def unfuse(self, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The same tensors, the fused ones cut into equal parts."""
        parts = {}
        for name, tensor in tensors.items():
            module, _, leaf = name.rpartition(".")
            names = self._fused.get(module.rpartition(".")[2], ())
            if not names or not tensor.ndim or len(tensor) % len(names):
                parts[name] = tensor
                continue
            for part, values in zip(names, np.split(tensor, len(names)), strict=True):
                parts[f"{module}.{part}.{leaf}"] = values
        return parts

    def translate(self, name: str) -> list[str]:
        """Paths of the variables that a tensor may belong to; empty if unknown."""
        if paths := self._paths(name):
            return paths
        module, _, leaf = name.rpartition(".")
        if leaf not in LEAVES:
            return []
        return [f"{path}/{our}" for path in self._paths(module) for our in LEAVES[leaf]]

    def in_our_order(self, value: np.ndarray, path: str, layer: keras.Layer):
        """The value of the variable at `path` of `layer`, its axes in our order."""
        for end, reorder in self._reorder.items():
            if path.endswith(end):
                return reorder(value, layer)
        return value

    def _paths(self, module: str) -> list[str]:
        for pattern, ours in self._rules:
            if match := pattern.fullmatch(module):
                numbers = {k: int(v) + 1 for k, v in match.groupdict().items()}
                return [path.format(**numbers) for path in ours]
        return []


def _pattern(template: str) -> re.Pattern:
    escaped = re.escape(template)
    for number in ("s", "b"):
        escaped = escaped.replace(rf"\{{{number}\}}", rf"(?P<{number}>\d+)")
    return re.compile(escaped)
