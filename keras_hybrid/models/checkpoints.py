"""Checkpoints: what `weights=` of a builder accepts, and the files behind it.

`keras_hybrid.weights` registers a reader for torch's files and a resolver for the names
of published checkpoints. `keras_weights.py` reads Keras' own files.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias

import keras

from keras_hybrid.models.family import Preprocessing


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A file of weights on this machine, and what is known of the network in it.

    Attributes:
        path: The file.
        preprocessing: What its network was trained with; None takes the family's.
        image_size: Height and width that it was trained at, if known.
        classes: Classes of its classifier, if known.
        reader: Function that loads it; None takes that of the file's suffix.
        channels: Channels of its images.
        config: Fields of the family's config in which it differs from the variant.
    """

    path: pathlib.Path
    preprocessing: Preprocessing | None = None
    image_size: tuple[int | None, int | None] | None = None
    classes: int | None = None
    reader: Callable[[keras.Model, str], object] | None = None
    channels: int = 3
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def defaults(self) -> dict[str, Any]:
        """Arguments of a builder that follow the checkpoint unless they are given."""
        known: dict[str, Any] = {}
        if self.image_size:
            known["input_shape"] = (*self.image_size, self.channels)
        if self.classes:
            known["classes"] = self.classes
        return known


Reader: TypeAlias = Callable[[keras.Model, str], object]
Resolver: TypeAlias = Callable[[str, str], Checkpoint | None]

_READERS: dict[str, Reader] = {}
_RESOLVERS: list[Resolver] = []


def register_reader(suffixes: Sequence[str], reader: Reader) -> None:
    """Registers a function that loads checkpoints with some suffixes.

    Args:
        suffixes: Suffixes with their dot, e.g. `(".safetensors",)`.
        reader: `reader(model, path)` assigns the weights of the model.
    """
    for suffix in suffixes:
        _READERS[suffix] = reader


def register_resolver(resolver: Resolver) -> None:
    """Registers a function that finds the file of a checkpoint's name.

    Args:
        resolver: `resolver(weights, variant)` gets the text of `weights=` and the name
            of the model. It returns None for a text that is no name of its kind, such
            as a path.
    """
    _RESOLVERS.append(resolver)


def resolve(weights: Checkpoint | str | pathlib.Path, variant: str) -> Checkpoint:
    """The checkpoint that `weights=` means; a published one may be downloaded.

    Args:
        weights: A name that a registered resolver knows, or a path.
        variant: Name of the model, as in `list_models()`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If its suffix is unknown, or there is no such name.
    """
    if isinstance(weights, Checkpoint):
        return weights
    if isinstance(weights, str):
        for resolver in _RESOLVERS:
            if found := resolver(weights, variant):
                return found
    return Checkpoint(existing_checkpoint(weights))


def known_suffixes() -> list[str]:
    """Suffixes of the files that have a reader, sorted."""
    return sorted(_READERS)


def existing_checkpoint(
    path: str | pathlib.Path, suffixes: Collection[str] | None = None
) -> pathlib.Path:
    """The path of a checkpoint that exists and has a known suffix.

    Args:
        path: Where it should be.
        suffixes: The known suffixes; None takes all that have a reader.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If its suffix is unknown; the message lists the known ones.
    """
    path = pathlib.Path(path)
    suffixes = known_suffixes() if suffixes is None else suffixes
    if path.suffix not in suffixes:
        known = ", ".join(suffixes)
        raise ValueError(f"{path}: unknown kind of checkpoint; known: {known}.")
    if not path.is_file():
        raise FileNotFoundError(f"There is no checkpoint at {path}.")
    return path


def load_checkpoint(
    model: keras.Model, checkpoint: Checkpoint | str | pathlib.Path
) -> None:
    """Loads a checkpoint into a model of the same architecture.

    A classifier for another number of classes keeps its initial values, and position
    tables are resized to the model's grid.

    Args:
        model: The model.
        checkpoint: A checkpoint that `resolve` gave, or the path of a file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If its suffix is unknown or it does not fit the model.
    """
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = Checkpoint(pathlib.Path(checkpoint))
    path = existing_checkpoint(checkpoint.path)
    reader = checkpoint.reader or _READERS[path.suffix]
    reader(model, str(path))
