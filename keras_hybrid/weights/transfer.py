"""The one routine that puts torch tensors into Keras variables."""

import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_hybrid.weights import ceit, coatnet, convit, cvt
from keras_hybrid.weights.grammar import IGNORED, Grammar
from keras_hybrid.weights.source import read

GRAMMARS = cvt.GRAMMARS + convit.GRAMMARS + ceit.GRAMMARS + coatnet.GRAMMARS


def load_torch(
    model: keras.Model,
    source: str | pathlib.Path | Mapping[str, Any],
    head: str = "strict",
) -> keras.Model:
    """Loads a published torch checkpoint into a model of the same architecture.

    The naming (official code, timm, transformers) is recognised, nested checkpoints
    are unwrapped, position tables are resized to the model's grid. Nothing is
    assigned unless everything fits.

    Args:
        model: A model of this package.
        source: Path of a `.safetensors`, `.pth`, `.pt` or `.bin` file, or a mapping
            from torch names to arrays or tensors.
        head: `"strict"` loads the classifier, `"skip"` leaves the model's own, `"fit"`
            loads it if it has the model's number of classes.

    Returns:
        The model.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file cannot be read, its names are of no known grammar,
            or any tensor is missing, left over or of another shape; all are named.

    Example:
        >>> load_torch(models.CvT13(classes=10), "CvT-13-224x224-IN-1k.pth", "skip")
    """
    if head not in ("strict", "skip", "fit"):
        raise ValueError(f"head must be 'strict', 'skip' or 'fit', not {head!r}.")
    tensors = read(source)
    grammar = _recognise(tensors)
    tensors = grammar.unfuse(tensors)
    skip = head == "skip" or (head == "fit" and not _head_fits(model, tensors, grammar))
    assignments, faults = _match(model, tensors, grammar, skip_head=skip)
    if faults:
        raise ValueError(
            f"The checkpoint ({grammar.name}) does not fit {model.name}:\n"
            + "\n".join(faults)
        )
    for variable, value in assignments:
        variable.assign(value)
    return model


def _recognise(tensors: Mapping[str, np.ndarray]) -> Grammar:
    for grammar in GRAMMARS:
        if grammar.recognises(tensors):
            return grammar
    known = "; ".join(grammar.name for grammar in GRAMMARS)
    some = ", ".join(list(tensors)[:3]) or "nothing"
    raise ValueError(f"No known naming in this checkpoint ({some}). Known: {known}.")


def _head_fits(model, tensors, grammar) -> bool:
    """Whether the checkpoint's classifier has as many classes as the model's."""
    for name, tensor in tensors.items():
        if not name.endswith(IGNORED) and "head/bias" in grammar.translate(name):
            return tensor.shape == (model.output_shape[-1],)
    return False


def _match(model, tensors, grammar, skip_head):
    """Pairs (variable, value), and a line for everything that does not fit."""
    variables = {v.path: v for v in model.variables if "seed_generator" not in v.path}
    if skip_head:
        variables = {p: v for p, v in variables.items() if not p.startswith("head/")}
    assignments, faults, filled = [], [], set()
    for name, tensor in tensors.items():
        if name.endswith(IGNORED):
            continue
        paths = grammar.translate(name)
        if skip_head and paths and paths[0].startswith("head/"):
            continue
        path = next((path for path in paths if path in variables), None)
        if path is None:
            faults.append(f"  unexpected: {name} {tensor.shape}")
            continue
        variable = variables[path]
        filled.add(path)
        layer = model.get_layer(path.partition("/")[0])
        value = _keras_layout(tensor, variable.shape)
        value = grammar.in_our_order(value, path, layer)
        if variable is getattr(layer, "table", None):
            try:
                value = layer.fit_table(value)
            except ValueError as error:
                faults.append(f"  misshapen: {name} {tensor.shape}: {error}")
                continue
        if tuple(value.shape) != tuple(variable.shape):
            faults.append(
                f"  misshapen: {name} {tensor.shape} for {path} {variable.shape}"
            )
        assignments.append((variable, value))
    faults += [f"  missing: {path}" for path in variables if path not in filled]
    return assignments, faults


def _keras_layout(tensor: np.ndarray, shape: tuple) -> np.ndarray:
    """A torch tensor in the layout of the Keras variable of that shape."""
    if tensor.ndim == 4 and tensor.shape[2:] == (1, 1) and len(shape) == 2:
        tensor = tensor[:, :, 0, 0]  # a 1x1 convolution is a linear map
    if tensor.ndim == 2 and len(shape) == 2:
        return tensor.T
    if tensor.ndim != 4:
        return tensor
    depthwise = shape[-1] == 1 and tensor.shape[1] == 1
    return tensor.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
