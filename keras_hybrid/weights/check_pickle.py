"""Checks around `torch.load` that it does not make: sizes, repetitions, depth."""

import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any

from keras_hybrid.utils.guard import check_budget, open_zip

_DEEPEST = 100
_MOST_ENTRIES = 1_000_000


def check_before(path: pathlib.Path) -> None:
    """Refuses a file that would take memory while it is read.

    Raises:
        ValueError: If its archive is refused, or it makes a `bytearray`, which may be
            of any size and is part of no tensor.
    """
    if zipfile.is_zipfile(path):
        with open_zip(path) as archive:
            names = [x for x in archive.namelist() if x.endswith("data.pkl")]
            content = b"".join(archive.read(name) for name in names)
    else:
        content = path.read_bytes()
    if b"\nbytearray\n" in content:
        raise ValueError("it refers to bytearray, which may be of any size")


def check_content(content: Any, size: int) -> None:
    """Refuses tensors that are larger than the file, and a content without an end.

    Args:
        content: What the file holds.
        size: Its bytes.

    Raises:
        ValueError: If a tensor is not dense or repeats its values (a stride of 0), all
            together are over the budget, or mappings contain each other.
    """
    count = declared = 0
    level = [content]
    for _ in range(_DEEPEST):
        tensors = [x for x in level if hasattr(x, "element_size")]
        if any(x.is_sparse or x.is_quantized or x.is_meta for x in tensors):
            raise ValueError("it has a tensor that is sparse, quantized or empty")
        sizes = [x.numel() * x.element_size() for x in tensors]
        declared += sum(sizes)
        if max(sizes, default=0) > size:
            raise ValueError("it has a tensor that is larger than the file")
        level = [x for parent in level for x in _children(parent)]
        count += len(level)
        if not level or count > _MOST_ENTRIES:
            break
    if level:
        raise ValueError("its mappings contain each other or are nested too deeply")
    check_budget(declared, size, "it")


def _children(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, Mapping) else []
