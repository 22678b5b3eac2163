"""How one code base names its tensors, as a table from its names to ours."""

import re
from collections.abc import Mapping

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
        table: Module name -> our layer path. `{s}` and `{b}` stand for the stage
            and block number, counted from 0 there and from 1 here.
    """

    def __init__(self, name: str, marker: str, table: Mapping[str, str]):
        self.name = name
        self.marker = re.compile(marker)
        self._rules = [(_pattern(theirs), ours) for theirs, ours in table.items()]

    def recognises(self, names) -> bool:
        """Whether the tensors of a checkpoint are named by this grammar."""
        return any(self.marker.search(name) for name in names)

    def translate(self, name: str) -> list[str]:
        """Paths of the variables that a tensor may belong to; empty if unknown."""
        module, _, leaf = name.rpartition(".")
        if leaf not in LEAVES:
            return [path for path in [self._path(name)] if path]
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
