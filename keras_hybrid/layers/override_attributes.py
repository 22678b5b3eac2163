"""Changes attributes of layers within a `with` block."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras


@contextlib.contextmanager
def override_attributes(
    model: keras.Model, kind: type[keras.Layer], **settings: Any
) -> Iterator[list[keras.Layer]]:
    """Sets attributes of all layers of a class, sublayers too, in a `with` block.

    Args:
        model: The model.
        kind: Class of the layers.
        **settings: The attributes and their values meanwhile.

    Yields:
        The layers.
    """
    # Keras has no public walk through layers within layers
    found = [layer for layer in model._flatten_layers() if isinstance(layer, kind)]
    former = [{name: getattr(layer, name) for name in settings} for layer in found]
    try:
        for layer in found:
            _set(layer, settings)
        yield found
    finally:
        for layer, values in zip(found, former, strict=True):
            _set(layer, values)


def _set(layer: keras.Layer, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(layer, name, value)
