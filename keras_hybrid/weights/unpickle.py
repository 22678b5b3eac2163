"""Pickled torch checkpoints: their tensors, and nothing that could run code."""

import pathlib
import warnings
from typing import Any

from keras_hybrid.utils.errors import first_line
from keras_hybrid.utils.optional import require
from keras_hybrid.weights.check_pickle import check_before, check_content

# Classes that training codes save beside the weights: options, paths, scores.
_BESIDE = (
    "argparse.Namespace",
    "pathlib.Path",
    "pathlib.PosixPath",
    "pathlib.PurePosixPath",
    "pathlib.WindowsPath",
    "pathlib.PureWindowsPath",
    "pathlib._local.PosixPath",
    "pathlib._local.WindowsPath",
    "numpy.dtype",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
)


class _Beside:
    """Stands for an object beside the weights, whose class is never looked up."""

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def read_pickle(path: pathlib.Path) -> Any:
    """The content of a file that `torch.save` wrote.

    torch reads tensors and plain containers. Options, paths and scores beside them are
    read past.

    Args:
        path: The file.

    Raises:
        ImportError: If torch is not installed.
        ValueError: If the file is damaged or has any other object in it.
    """
    require("torch", extra="torch", what=path.name)
    import torch

    harmless: list[Any] = [(_Beside, name) for name in _BESIDE]
    try:
        check_before(path)
        with torch.serialization.safe_globals(harmless), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of the pickle's protocol
            content = torch.load(path, map_location="cpu", weights_only=True)
        check_content(content, path.stat().st_size)
        return content
    except Exception as error:  # torch raises many kinds for a damaged file
        raise ValueError(
            f"{path.name} cannot be read as plain weights: {_reason(path, error)}"
        ) from error


def _reason(path: pathlib.Path, error: Exception) -> str:
    """What torch would not read, in one line."""
    import torch

    with open(path, "rb") as file:
        start = file.read(2)
    if not start:
        return "it is empty. Download it again."
    if start != b"PK" and start[:1] != b"\x80":  # an archive, or a pickle
        return "torch did not write it. Download it again."
    try:
        found = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # no archive that it can look into
        found = []
    foreign = sorted(set(found) - set(_BESIDE))
    if foreign or "Weights only load failed" in str(error):
        what = "holds more than tensors and options"
        if foreign:
            what = f"refers to {', '.join(foreign[:5])}"
        return (
            f"it {what}, which might run code. Save its state dict alone with the code "
            "that wrote it."
        )
    return f"{first_line(error).rstrip('.')}. Download it again."
