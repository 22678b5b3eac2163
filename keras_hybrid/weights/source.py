"""Torch checkpoints as NumPy arrays. No code that a file contains is run."""

import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from keras_hybrid.models.checkpoints import existing_checkpoint
from keras_hybrid.utils.errors import first_line

WRAPPERS = ("state_dict", "model", "model_ema")


def read(source: str | pathlib.Path | Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The tensors of a checkpoint as arrays by torch name.

    A state dict inside a training checkpoint is unwrapped, and the prefix `module.` of
    parallel training is removed.

    Args:
        source: Path of a `.safetensors` file (read without torch) or of a `.pth`,
            `.pt` or `.bin` file (read by `torch.load(weights_only=True)`), or a mapping
            from names to arrays or tensors.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the package that reads the file is not installed.
        ValueError: If it cannot be read as a checkpoint.
    """
    tensors = source if isinstance(source, Mapping) else _read_file(source)
    for wrapper in WRAPPERS:
        if isinstance(tensors.get(wrapper), Mapping):
            tensors = tensors[wrapper]
    arrays = {}
    for name, value in tensors.items():
        if not hasattr(value, "shape"):
            raise ValueError(f"{name!r} is a {type(value).__name__}, not a tensor.")
        arrays[str(name).removeprefix("module.")] = _to_numpy(value)
    return arrays


def _read_file(path: str | pathlib.Path) -> Mapping[str, Any]:
    path = existing_checkpoint(path, SUFFIXES)
    tensors = _READERS[path.suffix](path)
    if not isinstance(tensors, Mapping):
        raise ValueError(f"{path.name} holds no state dict.")
    return tensors


def _read_safetensors(path: pathlib.Path) -> Mapping[str, Any]:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise ImportError(
            "Reading .safetensors needs: pip install 'keras_hybrid[weights]'."
        ) from error
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path.name} is damaged: {error}.") from error


def _read_pickle(path: pathlib.Path) -> Mapping[str, Any]:
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"Reading {path.suffix} needs: pip install 'keras_hybrid[torch]'."
        ) from error
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise ValueError(
            f"{path.name} cannot be read as plain weights: {first_line(error)}"
        ) from error


def _to_numpy(tensor: Any) -> np.ndarray:
    if hasattr(tensor, "detach"):  # a torch tensor; NumPy has no bfloat16
        tensor = tensor.detach().cpu()
        tensor = tensor.float() if tensor.is_floating_point() else tensor
    return np.asarray(tensor)


_READERS: dict[str, Callable[[pathlib.Path], Mapping[str, Any]]] = {
    ".safetensors": _read_safetensors,
    ".pth": _read_pickle,
    ".pt": _read_pickle,
    ".bin": _read_pickle,
}
SUFFIXES = tuple(_READERS)
