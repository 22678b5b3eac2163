"""Augmentations from outside the package: a function that samples, one that applies."""

import dataclasses
from collections.abc import Callable

import numpy as np

from keras_hybrid.utils.plugins import installed, load_plugin
from keras_hybrid.utils.typing import Tensor

ENTRY_POINTS = "keras_hybrid.augmentations"
"""Entry point group: a package declares `NAME = "module:augmentation"` in it."""


@dataclasses.dataclass(frozen=True)
class CustomAugmentation:
    """An operation on pixels, with random parameters per image.

    Attributes:
        sample: `sample(rng, batch, strength)` returns the parameters of a batch, a
            NumPy array with `batch` rows. It runs on the host; `rng` is a
            `numpy.random.Generator` that depends only on the seed, epoch and step.
        apply: `apply(images, parameters)` returns the changed images. It runs in the
            compiled training step, so it uses only `keras.ops`. `images` are
            `(B, H, W, 3)` float32 in [0, 255]; results are clipped to this range.
    """

    sample: Callable[[np.random.Generator, int, float], np.ndarray]
    apply: Callable[[Tensor, Tensor], Tensor]


_REGISTERED: dict[str, CustomAugmentation] = {}


def register_augmentation(
    name: str,
    sample: Callable[[np.random.Generator, int, float], np.ndarray],
    apply: Callable[[Tensor, Tensor], Tensor],
) -> None:
    """Adds an augmentation, for `Augmentation(extra_augmentations=("NAME=STRENGTH",))`.

    A package that is installed beside this one can declare a `CustomAugmentation` as
    an entry point of the group `keras_hybrid.augmentations` instead.

    Args:
        name: Name of the augmentation, without `=`.
        sample: See `CustomAugmentation`.
        apply: See `CustomAugmentation`.

    Raises:
        ValueError: If the name is taken or has a `=`.

    Example:
        >>> def sample(rng, batch, strength):
        ...     return rng.uniform(1 - strength, 1 + strength, batch)
        >>> def apply(images, gamma):
        ...     return 255 * (images / 255) ** gamma[:, None, None, None]
        >>> data.register_augmentation("gamma", sample, apply)
        >>> data.Augmentation(extra_augmentations=("gamma=0.3",))
    """
    if name in _REGISTERED or not name or "=" in name:
        raise ValueError(f"The augmentation name {name!r} is taken or has a '='.")
    _REGISTERED[name] = CustomAugmentation(sample, apply)


def get_augmentation(name: str) -> CustomAugmentation:
    """The augmentation of that name.

    Raises:
        ValueError: If the name is unknown; the message lists the known names.
    """
    if name not in _REGISTERED:
        found = load_plugin(ENTRY_POINTS, name)
        if found is None:
            known = ", ".join([*_REGISTERED, *installed(ENTRY_POINTS)]) or "none yet"
            raise ValueError(f"There is no augmentation {name!r}; registered: {known}.")
        _REGISTERED[name] = found
    return _REGISTERED[name]


def parse(setting: str) -> tuple[str, float]:
    """`"NAME=STRENGTH"` -> the name and the strength.

    Raises:
        ValueError: If the text has another form or the name is unknown.
    """
    name, _, strength = setting.partition("=")
    get_augmentation(name)
    try:
        return name, float(strength)
    except ValueError:
        raise ValueError(
            f"extra_augmentations takes NAME=STRENGTH, e.g. gamma=0.3, not {setting!r}."
        ) from None
