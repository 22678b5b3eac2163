"""The one routine that puts the tensors of a torch checkpoint into a Keras model."""

import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_hybrid.layers import PositionEmbedding
from keras_hybrid.models.assembly import HEAD
from keras_hybrid.models.keras_weights import fresh_head
from keras_hybrid.models.registry import get, list_models
from keras_hybrid.utils.typing import Tensor
from keras_hybrid.weights.input_channels import fit_input_channels
from keras_hybrid.weights.layout import to_keras_layout
from keras_hybrid.weights.name_map import NameMap
from keras_hybrid.weights.recognise import recognise
from keras_hybrid.weights.source import read

_HEADS = ("strict", "skip", "if_same_classes")
_SHOWN = 4


def load_torch(
    model: keras.Model,
    source: str | pathlib.Path | Mapping[str, Any],
    head: str = "strict",
    grid: tuple[int, int] | None = None,
    which: str | None = None,
) -> keras.Model:
    """Loads a published torch checkpoint into a model of the same architecture.

    The names of its tensors (official code, timm, transformers, or a map that was
    registered with `register_name_map`) are recognised, with or without a prefix.
    Nested checkpoints are unwrapped. Position tables are resized to the model's grid,
    and the first convolution is fitted to the model's input channels. Nothing is
    assigned unless everything fits. A model without classifier takes what it has.

    Args:
        model: A model of this package or of a family registered with it.
        source: Path of a checkpoint (see `read`), or a mapping from torch names to
            arrays or tensors.
        head: `"strict"` loads the classifier, `"skip"` leaves the model's own, and
            `"if_same_classes"` loads it if it has the model's number of classes, and
            else says in one line that it does not.
        grid: Height and width of the grid of the checkpoint's flat position table,
            where its length does not tell them.
        which: Key of the weights in a file that has several; see `read`.

    Returns:
        The model.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read, no name map recognises its names, or
            any tensor is missing, unexpected, of another shape or not finite; the first
            ones are named. If `head` is unknown, or the model has no position table for
            `grid`.

    Example:
        >>> load_torch(models.CvT13(classes=10), "CvT-13-224x224-IN-1k.pth", "skip")
    """
    if head not in _HEADS:
        raise ValueError(f"head must be one of {_HEADS}, not {head!r}.")
    if grid and not any(isinstance(x, PositionEmbedding) for x in model.layers):
        raise ValueError(f"{model.name} has no position table: leave the grid out.")
    tensors = read(source, which)
    variables = {v.path: v for v in model.variables if "seed_generator" not in v.path}
    tensors, name_map = recognise(tensors, variables)
    tensors = name_map.unfuse(tensors)
    if not any(map(_is_head, variables)):
        tensors = {
            name: tensor
            for name, tensor in tensors.items()
            if name_map.find(name, variables) or not name_map.translate(name)
        }
    elif not _takes_head(model, tensors, name_map, head):
        variables = {k: v for k, v in variables.items() if not _is_head(k)}
        tensors = {
            name: tensor
            for name, tensor in tensors.items()
            if not any(map(_is_head, name_map.translate(name)))
        }
    assignments, faults = _match(model, variables, tensors, name_map, grid)
    if faults:
        raise ValueError(_misfit(model, tensors, name_map, faults))
    for variable, value in assignments:
        variable.assign(value)
    return model


def _misfit(
    model: keras.Model,
    tensors: Mapping[str, np.ndarray],
    name_map: NameMap,
    faults: list[str],
) -> str:
    """What does not fit, the first lines of it, and what the checkpoint may be of."""
    lines = [f"The checkpoint ({name_map.name}) does not fit {model.name}:"]
    for kind in ("unexpected", "misshapen", "damaged", "missing"):
        some = [fault for fault in faults if fault.startswith(f"  {kind}")]
        lines += some[:_SHOWN]
        if len(some) > _SHOWN:
            lines.append(f"  {kind}: {len(some) - _SHOWN} more")
    if all(_is_head(x.removeprefix("  missing: ")) for x in faults):
        lines.append("It has no classifier: give the number of classes, --classes.")
    elif near := _of_the_same_size(tensors):
        lines.append(f"It has as many parameters as {near}.")
    return "\n".join(lines)


def _of_the_same_size(tensors: Mapping[str, np.ndarray]) -> str:
    """The variants with the number of parameters of a checkpoint, within 1 %."""
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    count = sum(x.size for name, x in tensors.items() if not name.endswith(statistics))
    known = {name: get(name).parameters for name in list_models()}
    return " or ".join(x for x, size in known.items() if abs(size / count - 1) < 0.01)


def _is_head(path: str) -> bool:
    return path.startswith(f"{HEAD}/")


def _takes_head(
    model: keras.Model,
    tensors: Mapping[str, np.ndarray],
    name_map: NameMap,
    head: str,
) -> bool:
    """Whether the checkpoint's classifier is loaded, as `head` says.

    If it has another number of classes than allowed, one printed line says so.
    """
    if head != "if_same_classes":
        return head == "strict"
    for name, tensor in tensors.items():
        if f"{HEAD}/bias" in name_map.translate(name):
            if tensor.shape == (model.output_shape[-1],):
                return True
            print(fresh_head(model, len(tensor)), flush=True)
            return False
    print(f"{model.name}: the checkpoint has no classifier; it stays as it is.")
    return False


def _match(
    model: keras.Model,
    variables: Mapping[str, keras.Variable],
    tensors: Mapping[str, np.ndarray],
    name_map: NameMap,
    grid: tuple[int, int] | None,
) -> tuple[list[tuple[keras.Variable, Tensor]], list[str]]:
    """Pairs of variable and value, and a line for each tensor that does not fit."""
    owners = {layer.path: layer for layer in model._flatten_layers()}
    assignments: list[tuple[keras.Variable, Tensor]] = []
    faults, filled = [], set()
    for name, tensor in tensors.items():
        path = name_map.find(name, variables)
        if path is None:
            faults.append(f"  unexpected: {name} {tensor.shape}")
            continue
        filled.add(path)
        owner, _, leaf = path.rpartition("/")
        value = to_keras_layout(tensor, owners.get(owner), leaf)
        layer = model.get_layer(path.partition("/")[0])
        value = name_map.reordered(value, path, layer)
        try:
            value = _fitted(value, variables[path], layer, grid)
        except ValueError as error:
            faults.append(f"  misshapen: {name} {tensor.shape}: {error}")
            continue
        shape = tuple(variables[path].shape)
        if tuple(value.shape) != shape:
            faults.append(f"  misshapen: {name} {tensor.shape} for {path} {shape}")
        if not np.isfinite(tensor).all():
            faults.append(
                f"  damaged: {name} {tensor.shape} has NaN or infinite values"
            )
        assignments.append((variables[path], value))
    faults += [f"  missing: {path}" for path in variables if path not in filled]
    return assignments, faults


def _fitted(
    value: np.ndarray,
    variable: keras.Variable,
    layer: keras.Layer,
    grid: tuple[int, int] | None,
) -> Tensor:
    """A position table at the layer's grid, a first convolution for its channels."""
    if isinstance(layer, PositionEmbedding):
        return layer.fit_table(value, grid)
    if hasattr(layer, "fit_table") and variable is layer.table:
        return layer.fit_table(value)
    shape = tuple(variable.shape)
    if value.ndim == len(shape) == 4 and value.shape[2] == 3 != shape[2]:
        return fit_input_channels(value, shape)
    return value
