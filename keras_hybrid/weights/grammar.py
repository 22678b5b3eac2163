"""How one code base names its tensors, as a table from its names to ours."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

# A torch leaf and the Keras variables it may be.
LEAVES = {
    "weight": ("kernel", "gamma"),
    "bias": ("bias", "beta"),
    "running_mean": ("moving_mean",),
    "running_var": ("moving_variance",),
}
IGNORED = ("num_batches_tracked", "rel_indices")


class Grammar:
    """Translates the tensor names of one code base.

    Args:
        name: Whose names they are, for messages.
        marker: A pattern that some name has in this grammar and in no other.
        table: Module name -> our layer path, or tensor name -> our variable path.
            `{s}` and `{b}` stand for the stage and block number, counted from 0
            there and from 1 here.
        fused: Last word of a module that holds several linear maps in one -> their
            names, in order. The table calls them `module.name`.
    """

    def __init__(
        self,
        name: str,
        marker: str,
        table: Mapping[str, str],
        fused: Mapping[str, Sequence[str]] | None = None,
    ):
        self.name = name
        self.marker = re.compile(marker)
        self._fused = fused or {}
        self._rules = [(_pattern(theirs), ours) for theirs, ours in table.items()]

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
        if path := self._path(name):
            return [path]
        module, _, leaf = name.rpartition(".")
        if leaf not in LEAVES:
            return []
        path = self._path(module)
        return [f"{path}/{ours}" for ours in LEAVES[leaf]] if path else []

    def _path(self, module: str) -> str | None:
        for pattern, ours in self._rules:
            if match := pattern.fullmatch(module):
                numbers = {k: int(v) + 1 for k, v in match.groupdict().items()}
                return ours.format(**numbers)
        return None


def _pattern(template: str) -> re.Pattern:
    escaped = re.escape(template)
    for number in ("s", "b"):
        escaped = escaped.replace(rf"\{{{number}\}}", rf"(?P<{number}>\d+)")
    return re.compile(escaped)
