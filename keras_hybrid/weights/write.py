"""The weights of a Keras model under the names and in the layout of a torch code."""

import pathlib
import re
from collections.abc import Collection

import keras
import numpy as np

from keras_hybrid.models.assembly import logits
from keras_hybrid.models.familiarity import familiarity
from keras_hybrid.models.quantized import refuse_quantized
from keras_hybrid.utils.files import write_atomically
from keras_hybrid.utils.optional import require
from keras_hybrid.weights.layout import to_torch_layout
from keras_hybrid.weights.name_map import NameMap, Writing, registered_name_maps


def to_torch(model: keras.Model, code: str) -> dict[str, np.ndarray]:
    """The weights of a model as float32 arrays by torch name.

    Args:
        model: A model of this package or of a family registered with it.
        code: `"official"`, `"timm"` or `"transformers"`.

    Raises:
        ValueError: If no registered name map of this code has names for the model, or
            Keras has quantized it.
    """
    refuse_quantized(model, "convert the model from before")
    if familiarity(model):  # no torch code has a place for it
        model = logits(model)
    paths = [v.path for v in model.variables if "seed_generator" not in v.path]
    found = set()
    for name_map in registered_name_maps():
        if name_map.writing and all(name_map.torch_names(path) for path in paths):
            if code in name_map.writing.codes:
                return _tensors(model, name_map, name_map.writing, paths)
            found |= set(name_map.writing.codes)
    known = ", ".join(sorted(found)) or "none of the known codes"
    raise ValueError(f"{model.name} has no names in {code}; it has some in: {known}.")


def save_torch(model: keras.Model, path: str | pathlib.Path, code: str) -> None:
    """Writes the weights of a model to a `.safetensors` file for torch.

    The network that reads them takes normalized images.

    Args:
        model: A model of this package or of a family registered with it.
        path: The file to write or to replace.
        code: `"official"`, `"timm"` or `"transformers"`: whose names it gets.

    Raises:
        ImportError: If `safetensors` is not installed.
        ValueError: If there are no names for this model in the code.
    """
    require("safetensors", extra="weights", what=pathlib.Path(path).name)
    from safetensors.numpy import save

    tensors = to_torch(model, code)
    content = save(tensors, metadata={"format": "pt"})
    write_atomically(pathlib.Path(path), lambda part: part.write_bytes(content))


def _tensors(
    model: keras.Model, name_map: NameMap, writing: Writing, paths: Collection[str]
) -> dict[str, np.ndarray]:
    owners = {layer.path: layer for layer in model._flatten_layers()}
    parts: dict[str, np.ndarray] = {}
    for variable in model.variables:
        path = variable.path
        if path not in paths:
            continue
        names = name_map.torch_names(path)
        name = names[0] if len(names) == 1 else writing.choose(names, path, model)
        value = keras.ops.convert_to_numpy(variable).astype("float32")
        layer = model.get_layer(path.partition("/")[0])
        for end, restore in writing.restore.items():
            if path.endswith(end):
                value = restore(value, layer)
        owner, _, leaf = path.rpartition("/")
        module = name.rpartition(".")[0]
        pointwise = re.search(writing.pointwise, module) is not None
        parts[name] = to_torch_layout(value, owners.get(owner), leaf, pointwise)
    return _with_counters(_fused(parts, name_map))


def _fused(parts: dict[str, np.ndarray], name_map: NameMap) -> dict[str, np.ndarray]:
    """Dense layers that torch holds in one, joined in their order."""
    tensors: dict[str, np.ndarray] = {}
    for name, value in parts.items():
        module, _, leaf = name.rpartition(".")
        whole, _, part = module.rpartition(".")
        order = name_map.fused.get(whole.rpartition(".")[2], ())
        if part not in order:
            tensors[name] = value
        elif part == order[0]:
            joined = [parts[f"{whole}.{x}.{leaf}"] for x in order]
            tensors[f"{whole}.{leaf}"] = np.concatenate(joined)
    # safetensors writes the memory as it lies
    return {name: np.ascontiguousarray(value) for name, value in tensors.items()}


def _with_counters(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """torch counts the batches of every batch norm."""
    counters = {
        f"{name.removesuffix('running_mean')}num_batches_tracked": np.zeros((), "int64")
        for name in tensors
        if name.endswith(".running_mean")
    }
    return tensors | counters
