"""Several views of every image in one batch, and the mean over them."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_hybrid.utils.typing import MapShape, Shape, Tensor

View = Callable[[Tensor], Tensor]


def _same(x: Tensor) -> Tensor:
    return x


def _mirrored(x: Tensor) -> Tensor:
    return ops.flip(x, axis=2)


def _rotated(quarters: int) -> View:
    """A rotation by quarter turns; one by a quarter or three swaps height and width."""

    def view(x: Tensor) -> Tensor:
        if quarters % 2:
            x = ops.transpose(x, (0, 2, 1, 3))
        axes = {1: (1,), 2: (1, 2), 3: (2,)}[quarters]
        return ops.flip(x, axis=axes)

    return view


def _shifted(sign: int) -> View:
    """A diagonal shift by a 32nd of the height; the border is reflected."""

    def view(images: Tensor) -> Tensor:
        height, width = images.shape[1:3]
        by = max(height // 32, 1)
        pad = [[0, 0], [by, by], [by, by], [0, 0]]
        start = by - sign * by
        padded = ops.pad(images, pad, "reflect")
        return padded[:, start : start + height, start : start + width]

    return view


def _each_mirrored(views: tuple[View, ...]) -> tuple[View, ...]:
    mirrored = [lambda x, view=view: _mirrored(view(x)) for view in views]
    return (*views, *mirrored)


VIEWS: dict[str, tuple[View, ...]] = {
    "flip": _each_mirrored((_same,)),
    "flip_shift": _each_mirrored((_same, _shifted(1), _shifted(-1))),
    "d4": _each_mirrored((_same, _rotated(1), _rotated(2), _rotated(3))),
}
"""Mirrored; mirrored and shifted diagonally by a 32nd of the height; or all rotations
by quarter turns and their mirror images (the dihedral group), for square images."""


@keras.saving.register_keras_serializable("keras_hybrid")
class StackViews(keras.layers.Layer):
    """Views of every image, one after the other along the batch.

    Args:
        views: A key of `VIEWS`.

    Input shape: `(B, H, W, C)`. Output shape: `(views * B, H, W, C)`; the first `B`
    images are the unchanged ones.
    """

    def __init__(self, views: str, **kwargs: Any):
        super().__init__(**kwargs)
        if views not in VIEWS:
            raise ValueError(f"views must be one of {', '.join(VIEWS)}, not {views!r}.")
        self.views = views

    @property
    def count(self) -> int:
        """Views of an image."""
        return len(VIEWS[self.views])

    def call(self, images: Tensor) -> Tensor:
        return ops.concatenate([view(images) for view in VIEWS[self.views]], axis=0)

    def compute_output_shape(self, input_shape: MapShape) -> Shape:
        batch, *rest = input_shape
        return (batch and batch * self.count, *rest)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"views": self.views}


@keras.saving.register_keras_serializable("keras_hybrid")
class MeanOfViews(keras.layers.Layer):
    """The mean over the views that `StackViews` has stacked.

    Args:
        count: Views of an image.

    Input shape: `(count * B, C)`. Output shape: `(B, C)`.
    """

    def __init__(self, count: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.count = count

    def call(self, x: Tensor) -> Tensor:
        return ops.mean(ops.reshape(x, (self.count, -1, x.shape[-1])), axis=0)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, channels = input_shape
        return (batch and batch // self.count, channels)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"count": self.count}
