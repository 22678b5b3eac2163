"""Torch checkpoints as NumPy arrays. No code that a file contains is run."""

import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from keras_hybrid.models.checkpoints import existing_checkpoint
from keras_hybrid.utils.guard import read_json
from keras_hybrid.utils.optional import require
from keras_hybrid.weights.unpickle import read_pickle
from keras_hybrid.weights.unwrap import unwrap


def read(
    source: str | pathlib.Path | Mapping[str, Any], which: str | None = None
) -> dict[str, np.ndarray]:
    """The tensors of a checkpoint as arrays by torch name; see `unwrap`.

    Floats of 16 bits become float32.

    Args:
        source: Path of a `.safetensors` file or of the `.safetensors.index.json` of one
            in parts (read without torch), or of a `.pth`, `.pt`, `.bin`, `.ckpt` or
            `.pth.tar` file (read by torch, weights only), or a mapping from names to
            arrays or tensors.
        which: Key of the weights in a file that has several, e.g. `"model_ema"`; None
            prefers a moving average.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the package that reads the file is not installed.
        ValueError: If it cannot be read as a checkpoint.
    """
    content = source if isinstance(source, Mapping) else _read_file(source)
    return {str(k): _to_numpy(v) for k, v in unwrap(content, which).items()}


def _read_file(path: str | pathlib.Path) -> Mapping[str, Any]:
    path = existing_checkpoint(path, SUFFIXES)
    content = _READERS[path.suffix](path)
    if not isinstance(content, Mapping):
        raise ValueError(f"{path.name} holds no state dict.")
    return content


def _read_safetensors(path: pathlib.Path) -> Mapping[str, Any]:
    require("safetensors", extra="weights", what=path.name)
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path.name} is damaged: {error}.") from error


def _read_parts(path: pathlib.Path) -> Mapping[str, Any]:
    """The tensors of all parts that the index names; every one must be there."""
    places = parts_of(path)
    tensors: dict[str, Any] = {}
    for part in sorted(set(places.values())):
        if pathlib.Path(part).name != part:
            raise ValueError(f"{path.name} names {part}, which is not beside it.")
        if part.endswith(".json"):
            raise ValueError(f"{path.name} names {part}, which is no file of weights.")
        tensors |= _read_file(path.with_name(part))
    if lost := sorted(set(places) - set(tensors)):
        raise ValueError(f"The parts of {path.name} lack {', '.join(lost[:3])}.")
    return tensors


def parts_of(path: pathlib.Path) -> dict[str, str]:
    """The file of every tensor, from the index of a checkpoint in parts.

    Raises:
        ValueError: If it is damaged or no such index.
    """
    index = read_json(path)
    places = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(places, dict) or not all(
        isinstance(part, str) for part in places.values()
    ):
        raise ValueError(f"{path.name} is no index of a checkpoint in parts.")
    return places


def _to_numpy(tensor: Any) -> np.ndarray:
    if hasattr(tensor, "detach"):  # a torch tensor; NumPy has no bfloat16
        tensor = tensor.detach().cpu()
        tensor = tensor.float() if tensor.is_floating_point() else tensor
    array = np.asarray(tensor)
    short = array.dtype.name in ("float16", "bfloat16")
    return array.astype("float32") if short else array


_READERS: dict[str, Callable[[pathlib.Path], Any]] = {
    ".safetensors": _read_safetensors,
    ".json": _read_parts,
    ".pth": read_pickle,
    ".pt": read_pickle,
    ".bin": read_pickle,
    ".ckpt": read_pickle,
    ".tar": read_pickle,
}
SUFFIXES = tuple(_READERS)
