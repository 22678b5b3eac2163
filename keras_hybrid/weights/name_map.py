"""Name maps: which variable of a model each tensor of a torch checkpoint belongs to."""

import dataclasses
import functools
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import keras
import numpy as np

# Last word of a torch name -> names that the Keras variable may have.
_LEAVES = {
    "weight": ("kernel", "gamma", "embeddings"),
    "bias": ("bias", "beta"),
    "running_mean": ("moving_mean",),
    "running_var": ("moving_variance",),
}
_IGNORED = "num_batches_tracked"  # torch's counter in batch norms


@dataclasses.dataclass(frozen=True)
class Writing:
    """What a name map has to know beyond its table to write weights for torch.

    Attributes:
        codes: Names that `save_torch` takes for the code base: "official", "timm",
            "transformers".
        pointwise: Regular expression, found in the names of the torch modules that are
            1x1 convolutions and dense layers in Keras.
        restore: End of a variable's path, to `function(value, layer)`, which undoes
            `reorder`, or the resize of a table, on the value in the layout of Keras.
        choose: `choose(names, path, model)` returns the torch name of the model's
            variable at `path` where the table has several.
    """

    codes: Sequence[str]
    pointwise: str = "(?!)"
    restore: Mapping[str, Callable[[np.ndarray, keras.Layer], np.ndarray]] = (
        dataclasses.field(default_factory=dict)
    )
    choose: Callable[[Sequence[str], str, keras.Model], str] = (
        lambda names, path, model: names[0]
    )


@dataclasses.dataclass(frozen=True)
class NameMap:
    r"""Maps the tensor names of one torch code base to the variables of a model.

    Numbers are written `{name}` on both sides. They count from 0 in torch and from 1
    in Keras: `"blocks.{b}.fc"` to `"block{b}_dense"` maps `blocks.0.fc.weight` to
    `block1_dense/kernel`.

    Args:
        name: The code base, for error messages.
        marker: Regular expression. A checkpoint may be of this code base if it is
            found in the name of any tensor.
        table: Torch module to Keras layer, or torch tensor to Keras variable, by path.
            A sequence of paths means the one that the model has.
        fused: Last word of a torch module that holds several dense layers in one, to
            their names in order. The table then has the names `module.name`.
        reorder: End of a variable's path, to `function(value, layer)`, which returns
            the value with its entries in the order of the model. `value` is in the
            layout of Keras and `layer` is the model's layer.
        ignored: Ends of the names of tensors that no variable needs. Counters of batch
            norms (`num_batches_tracked`) are always ignored.
        writing: What `save_torch` needs; None if it does not write this code base.

    Example:
        >>> NameMap(
        ...     "ToyNet",
        ...     marker=r"^features\.0\.",
        ...     table={"features.{i}": "conv{i}", "classifier": "head"},
        ... )
    """

    name: str
    marker: str
    table: Mapping[str, str | Sequence[str]]
    fused: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    reorder: Mapping[str, Callable[[np.ndarray, keras.Layer], np.ndarray]] = (
        dataclasses.field(default_factory=dict)
    )
    ignored: Sequence[str] = ()
    writing: Writing | None = None

    def recognises(self, names: Iterable[str]) -> bool:
        """Whether any of these tensor names has the marker."""
        return any(re.search(self.marker, name) for name in names)

    def unfuse(self, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The tensors by name, without the ignored ones, fused ones split evenly."""
        parts = {}
        for name, tensor in tensors.items():
            if name.endswith((_IGNORED, *self.ignored)):
                continue
            module, _, leaf = name.rpartition(".")
            names = self.fused.get(module.rpartition(".")[2], ())
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
        ends = _LEAVES.get(leaf, ())
        return [f"{path}/{end}" for path in self._paths(module) for end in ends]

    def find(self, name: str, paths: Collection[str]) -> str | None:
        """The path among `paths` that a tensor belongs to, or None."""
        return next((path for path in self.translate(name) if path in paths), None)

    def torch_names(self, path: str) -> list[str]:
        """Names of the tensors that may belong to a variable; empty if unknown."""
        names = self._modules(path)
        layer, _, variable = path.rpartition("/")
        leaf = next((x for x, ends in _LEAVES.items() if variable in ends), None)
        return names or [f"{x}.{leaf}" for x in self._modules(layer) if leaf]

    def reordered(self, value: np.ndarray, path: str, layer: keras.Layer) -> np.ndarray:
        """The value for the variable at `path` of `layer`, by the rules `reorder`."""
        for end, function in self.reorder.items():
            if path.endswith(end):
                return function(value, layer)
        return value

    @functools.cached_property
    def _rules(self) -> list[tuple[re.Pattern[str], Sequence[str]]]:
        return [
            (_pattern(torch_name), [paths] if isinstance(paths, str) else paths)
            for torch_name, paths in self.table.items()
        ]

    def _modules(self, path: str) -> list[str]:
        """The left sides of the table whose right side is this path."""
        found = []
        for torch_name, paths in self.table.items():
            for template in [paths] if isinstance(paths, str) else paths:
                if match := _pattern(template).fullmatch(path):
                    numbers = {k: int(v) - 1 for k, v in match.groupdict().items()}
                    found.append(torch_name.format(**numbers))
        return found

    def _paths(self, name: str) -> list[str]:
        for pattern, paths in self._rules:
            if match := pattern.fullmatch(name):
                numbers = {k: int(v) + 1 for k, v in match.groupdict().items()}
                return [path.format(**numbers) for path in paths]
        return []


_NAME_MAPS: dict[str, NameMap] = {}


def register_name_map(name_map: NameMap) -> NameMap:
    """Adds a name map, for `load_torch`, `weights=` and `keras-hybrid convert`.

    Where several registered maps recognise a checkpoint, the one that has a variable of
    the model for most tensors is used. A map replaces an earlier one of the same name.

    Args:
        name_map: The name map.

    Returns:
        The name map.
    """
    _NAME_MAPS[name_map.name] = name_map
    return name_map


def registered_name_maps() -> list[NameMap]:
    """All registered name maps, the first registered first."""
    return list(_NAME_MAPS.values())


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    """`blocks.{b}.fc` -> a pattern with a group `b` of digits."""
    numbers = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>\\d+)", re.escape(template))
    return re.compile(numbers)
