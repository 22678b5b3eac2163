"""The one routine that puts the tensors of a torch checkpoint into a Keras model."""

import pathlib
from collections.abc import Collection, Mapping
from typing import Any

import keras
import numpy as np

from keras_hybrid.models.assembly import HEAD
from keras_hybrid.utils.typing import Tensor
from keras_hybrid.weights.layout import to_keras_layout
from keras_hybrid.weights.name_map import NameMap, registered_name_maps
from keras_hybrid.weights.source import read

_HEADS = ("strict", "skip", "if_same_classes")


def load_torch(
    model: keras.Model,
    source: str | pathlib.Path | Mapping[str, Any],
    head: str = "strict",
) -> keras.Model:
    """Loads a published torch checkpoint into a model of the same architecture.

    The names of its tensors (official code, timm, transformers, or a map that was
    registered with `register_name_map`) are recognised. Nested checkpoints are
    unwrapped. Position tables are resized to the model's grid. Nothing is assigned
    unless everything fits.

    Args:
        model: A model of this package or of a family registered with it.
        source: Path of a `.safetensors`, `.pth`, `.pt` or `.bin` file, or a mapping
            from torch names to arrays or tensors.
        head: `"strict"` loads the classifier, `"skip"` leaves the model's own, and
            `"if_same_classes"` loads it if it has the model's number of classes.

    Returns:
        The model.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read, no name map recognises its names, or
            any tensor is missing, unexpected or of another shape; all are named.

    Example:
        >>> load_torch(models.CvT13(classes=10), "CvT-13-224x224-IN-1k.pth", "skip")
    """
    if head not in _HEADS:
        raise ValueError(f"head must be one of {_HEADS}, not {head!r}.")
    tensors = read(source)
    variables = {v.path: v for v in model.variables if "seed_generator" not in v.path}
    name_map = _recognise(tensors, variables)
    tensors = name_map.unfuse(tensors)
    if head == "skip" or (
        head == "if_same_classes" and not _same_classes(model, tensors, name_map)
    ):
        variables = {k: v for k, v in variables.items() if not _is_head(k)}
        tensors = {
            name: tensor
            for name, tensor in tensors.items()
            if not any(map(_is_head, name_map.translate(name)))
        }
    assignments, faults = _match(model, variables, tensors, name_map)
    if faults:
        raise ValueError(
            f"The checkpoint ({name_map.name}) does not fit {model.name}:\n"
            + "\n".join(faults)
        )
    for variable, value in assignments:
        variable.assign(value)
    return model


def _recognise(
    tensors: Mapping[str, np.ndarray], variables: Collection[str]
) -> NameMap:
    """Of the name maps with a marker in the checkpoint, the one that maps most."""
    candidates = [x for x in registered_name_maps() if x.recognises(tensors)]
    if not candidates:
        known = "; ".join(name_map.name for name_map in registered_name_maps())
        some = ", ".join(list(tensors)[:3]) or "nothing"
        raise ValueError(
            f"No name map recognises the names in this checkpoint ({some}). "
            f"Known: {known}."
        )

    def mapped(name_map: NameMap) -> int:
        names = name_map.unfuse(tensors)
        return sum(name_map.find(name, variables) is not None for name in names)

    return max(candidates, key=mapped)


def _is_head(path: str) -> bool:
    return path.startswith(f"{HEAD}/")


def _same_classes(
    model: keras.Model, tensors: Mapping[str, np.ndarray], name_map: NameMap
) -> bool:
    """Whether the checkpoint's classifier has as many classes as the model's."""
    for name, tensor in tensors.items():
        if f"{HEAD}/bias" in name_map.translate(name):
            return tensor.shape == (model.output_shape[-1],)
    return False


def _match(
    model: keras.Model,
    variables: Mapping[str, keras.Variable],
    tensors: Mapping[str, np.ndarray],
    name_map: NameMap,
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
            value = _resized(value, variables[path], layer)
        except ValueError as error:
            faults.append(f"  misshapen: {name} {tensor.shape}: {error}")
            continue
        shape = tuple(variables[path].shape)
        if tuple(value.shape) != shape:
            faults.append(f"  misshapen: {name} {tensor.shape} for {path} {shape}")
        assignments.append((variables[path], value))
    faults += [f"  missing: {path}" for path in variables if path not in filled]
    return assignments, faults


def _resized(value: np.ndarray, variable: keras.Variable, layer: keras.Layer) -> Tensor:
    """A position table resized to the layer's grid; all other values as they are."""
    if hasattr(layer, "fit_table") and variable is layer.table:
        return layer.fit_table(value)
    return value
