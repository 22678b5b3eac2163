"""A model file of a repository of the Hugging Face hub."""

import contextlib
import pathlib

from keras_hybrid.weights import hub


def is_on_the_hub(source: str | pathlib.Path) -> bool:
    """Whether a text is `hf://owner/name[@revision][/file]`."""
    return isinstance(source, str) and source.startswith(hub.SCHEME)


def fetch_model(source: str | pathlib.Path) -> pathlib.Path:
    """The path of a model; it is downloaded with its card if it is on the hub.

    Args:
        source: A path, or `hf://owner/name[@revision][/file]`; `model.keras` if no file
            is named.

    Raises:
        ConnectionError, FileNotFoundError, ImportError: As `hub.fetch`.
        ValueError: If the address is malformed.
    """
    if not is_on_the_hub(source):
        return pathlib.Path(source)
    repository, revision, file = hub.Address.of(str(source))
    path = hub.fetch(repository, file or hub.KERAS_FILE, revision)
    folder = file.rpartition("/")[0]
    card = f"{folder}/{hub.CARD}" if folder else hub.CARD
    with contextlib.suppress(FileNotFoundError):  # a repository need not have one
        hub.fetch(repository, card, revision)  # beside the model, in the cache
    return path
