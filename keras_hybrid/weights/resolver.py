"""From the text of `weights=` to a checked file on this machine."""

import dataclasses
import difflib
import functools
import os
import pathlib
import re

from keras_hybrid.models.checkpoints import (
    Checkpoint,
    known_suffixes,
    register_resolver,
)
from keras_hybrid.utils.download import download
from keras_hybrid.utils.files import sha256
from keras_hybrid.weights import hub
from keras_hybrid.weights.hub_facts import described
from keras_hybrid.weights.packages import (
    IMAGENET,
    require_for_published,
    require_reader,
)
from keras_hybrid.weights.table import (
    Published,
    list_published,
    published,
    write_pin,
)

_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def resolve_name(weights: str, variant: str) -> Checkpoint | None:
    """The file of a published checkpoint, downloaded if it has to be.

    Args:
        weights: `"imagenet"`, the name of a published checkpoint,
            `"hf://owner/name[@revision][/file]"`, or a path.
        variant: Name of the model.

    Returns:
        The checkpoint; None if `weights` is a path.

    Raises:
        ConnectionError: If the server cannot be reached or fails.
        FileNotFoundError: If the checkpoint has to be downloaded by hand, or there is
            none.
        ImportError: If `huggingface_hub` is needed and not installed.
        ValueError: If nothing is published under the name, or the file is damaged.
    """
    if weights == IMAGENET:
        return _checkpoint(_default(variant))
    if weights.startswith(hub.SCHEME):
        return _on_the_hub(weights, variant)
    if weights in [row.name for row in list_published()]:
        return _checkpoint(published(weights))
    if "://" in weights:
        raise ValueError(
            f"weights takes no address but hf://, not {weights}: download the file and "
            "give its path."
        )
    path = pathlib.Path(weights)
    if not path.suffix and not path.exists() and "/" not in weights:
        names = [IMAGENET, *(row.name for row in list_published())]
        near = difflib.get_close_matches(weights, names, 1)
        hint = f"Did you mean {near[0]}?" if near else "Give a path, or imagenet."
        raise ValueError(f"There are no weights {weights!r}. {hint}")
    if (
        _NAME.fullmatch(weights)
        and path.suffix not in known_suffixes()
        and not path.exists()
    ):
        published(weights)  # which says that there is none, and the nearest
    require_reader(weights)
    return None


def fetch_published(checkpoint: Published) -> pathlib.Path:
    """The checked file of a published checkpoint, downloaded if it has to be.

    One printed line says so if the table has no SHA-256 of the file.

    Raises:
        ConnectionError, FileNotFoundError, ImportError, ValueError: See `resolve_name`.
    """
    path = _fetch(checkpoint)
    if not checkpoint.sha256:
        _say_unpinned(checkpoint.name)
        return path
    size = path.stat().st_size
    if checkpoint.bytes and size != checkpoint.bytes:
        fault = f"has {size:,} bytes, not {checkpoint.bytes:,}"
    elif sha256(path) != checkpoint.sha256:
        fault = f"has another SHA-256 than {checkpoint.sha256}"
    else:
        return path
    raise ValueError(
        f"{path.resolve()} {fault}: it is damaged, or no longer what was published. "
        "Delete it and try again."
    )


@functools.cache  # once
def _say_unpinned(name: str) -> None:
    print(
        f"{name} has no SHA-256 in the table: its names and shapes are all that is "
        f"checked. `keras-hybrid weights pin {name}` adds one.",
        flush=True,
    )


def pin(name: str) -> Published:
    """Downloads the newest file of a checkpoint and writes what it is into the table.

    Returns:
        The checkpoint with its revision, SHA-256 and size.

    Raises:
        ConnectionError, FileNotFoundError, ImportError, ValueError: See `resolve_name`.
        OSError: If the table cannot be written.
    """
    row = dataclasses.replace(published(name), sha256="", bytes=0, revision="")
    if not row.repository.startswith("https://"):
        revision = hub.newest_revision(row.repository, row.file)
        row = dataclasses.replace(row, revision=revision)
    path = _fetch(row)
    row = dataclasses.replace(row, sha256=sha256(path), bytes=path.stat().st_size)
    write_pin(name, row.revision, row.sha256, row.bytes)
    return row


def _default(variant: str) -> Published:
    rows = list_published(variant)
    if rows:
        return rows[0]
    raise ValueError(
        f"No weights of {variant} are published: train it, or give a file. "
        "`keras-hybrid list --weights` lists those of other models."
    )


def _checkpoint(row: Published) -> Checkpoint:
    return Checkpoint(
        fetch_published(row), row.preprocessing, row.image_size, row.classes
    )


def _on_the_hub(weights: str, variant: str) -> Checkpoint:
    repository, revision, file = hub.Address.of(weights)
    for row in list_published():
        if row.repository == repository and file in ("", row.file):
            if revision in (None, row.revision):
                return _checkpoint(row)
            path = hub.fetch(repository, row.file, revision)
            return Checkpoint(path, row.preprocessing, row.image_size, row.classes)
    path = hub.fetch(repository, file, revision)
    return described(path, repository, revision, variant)


def _fetch(row: Published) -> pathlib.Path:
    if not row.file:
        raise FileNotFoundError(
            f"{row.name} has no stable address: download it by the link at "
            f"{row.repository} and give the path of the file."
        )
    require_for_published(row)
    if row.repository.startswith("https://"):
        home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
        folder = pathlib.Path(home) / "models" / row.name.replace("/", "--")
        return download(f"{row.repository}/{row.file}", folder / row.file, row.sha256)
    return hub.fetch(row.repository, row.file, row.revision or None)


register_resolver(resolve_name)
