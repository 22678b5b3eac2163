"""Applies augmentation to a batch of images, with parameters sampled before.

`augment` runs in the compiled training step on every backend. It is deterministic,
because `augmentation.Augmentation.sample` samples all random numbers on the host.

Why not the layers of Keras? They sample on the device, and each backend has a random
generator of its own, so a batch would differ between backends and depend on the batches
before it. Reasons by operation (keras 3.15, `benchmarks/pipeline.csv`):

- RandomCrop samples one position per batch, and cannot be compiled on JAX.
- RandAugment samples two operations per batch and computes all eleven twice. It
  reached 320 images/s on JAX, 2,000 on TensorFlow and 250 on torch; this module
  reached 5,100, 3,200 and 3,400 (two cores, 32 pixels).
- RandomTranslation, RandomRotation and others are correct, but each interpolates again.
  Here one affine matrix describes all geometric operations, and pixels are interpolated
  once. Keras has no random resized crop. `keras.ops.image.affine_transform` took five
  times as long on JAX and torch.
- RandomErasing's noise has mean 0 (black), so half of it is clipped. MixUp and CutMix
  sample a weight per pair, but the published settings use one weight per batch.
- RandomFlip and RandomColorJitter are correct and as fast. Here flips are part of the
  affine matrix, and the three changes of a color jitter are operations of RandAugment.
"""

import functools
from collections.abc import Callable, Mapping

import numpy as np
from keras import ops

from keras_hybrid.data import rand_augment
from keras_hybrid.data.custom_augmentation import get_augmentation
from keras_hybrid.utils.typing import Tensor

_Recolor = Callable[[Tensor, Mapping[str, Tensor]], Tensor]


GREY = 127.5
"""Value of the pixels that cutout covers, near the mean of photographs."""


def augment(
    images: Tensor, samples: Mapping[str, Tensor], fill: float | None = 0.0
) -> Tensor:
    """Applies the geometric, color, erasing and mixing operations that were sampled.

    Args:
        images: `(B, H, W, 3)`, pixels in [0, 255] of any type.
        samples: The parameters that `augmentation.Augmentation.sample` returns.
        fill: Value of pixels beyond the edge; None reflects the image.

    Returns:
        `(B, H, W, 3)` float32 in [0, 255].
    """
    images = ops.cast(images, "float32")
    samples = {name: ops.convert_to_tensor(value) for name, value in samples.items()}
    if "affine" in samples:
        images = affine_transform(images, samples["affine"], fill)
    for name, recolor in (("color", _any_color), ("jitter", _blend)):
        if name in samples:
            images = _stages(recolor, images, samples[name])
    # A compiled function may get the names in another order.
    for key in sorted((k for k in samples if k.startswith("extra")), key=_extra_number):
        name = key.partition("_")[2]
        images = get_augmentation(name).apply(images, samples[key])
        images = ops.clip(ops.cast(images, "float32"), 0, 255)
    if "erase" in samples:
        images = erase(images, samples["erase"], samples["noise"])
    if "cutout" in samples:
        images = ops.where(_inside(samples["cutout"], images), GREY, images)
    if "lam" in samples:
        images = mix(images, samples["lam"], samples["bbox"])
    return images


def _extra_number(key: str) -> int:
    """The number in `extraNUMBER_NAME`."""
    return int(key.partition("_")[0].removeprefix("extra"))


def affine_transform(images: Tensor, matrices: Tensor, fill: float | None) -> Tensor:
    """Reads each pixel from the position that its matrix gives, bilinearly.

    Args:
        images: `(B, H, W, C)`.
        matrices: `(B, 6)`, see `affine`.
        fill: Value where the position is more than half a pixel outside; None reflects
            the image about its first and last pixels.
    """
    height, width, channels = images.shape[1:]
    # (1, H * W) positions in the result
    y, x = np.mgrid[:height, :width].reshape(2, 1, -1).astype("float32")
    from_x = matrices[:, 0:1] * x + matrices[:, 1:2] * y + matrices[:, 2:3]
    from_y = matrices[:, 3:4] * x + matrices[:, 4:5] * y + matrices[:, 5:6]
    if fill is None:
        from_x, from_y = _reflected(from_x, width), _reflected(from_y, height)
    inside = (abs(from_x - (width - 1) / 2) <= width / 2) & (
        abs(from_y - (height - 1) / 2) <= height / 2
    )
    from_x, from_y = ops.clip(from_x, 0, width - 1), ops.clip(from_y, 0, height - 1)
    left, top = ops.floor(from_x), ops.floor(from_y)
    pixels = ops.reshape(images, (-1, channels))
    first = ops.arange(ops.shape(images)[0], dtype="int32")[:, None] * height * width
    result = 0.0
    for row, weight_y in ((top, top + 1 - from_y), (top + 1, from_y - top)):
        row = ops.cast(ops.minimum(row, height - 1), "int32")
        for column, weight_x in ((left, left + 1 - from_x), (left + 1, from_x - left)):
            column = ops.cast(ops.minimum(column, width - 1), "int32")
            taken = ops.take(pixels, first + row * width + column, axis=0)
            result = result + taken * (weight_x * weight_y)[..., None]
    if fill is not None:
        result = ops.where(inside[..., None], result, fill)
    return ops.reshape(result, (-1, height, width, channels))


def _reflected(position: Tensor, size: int) -> Tensor:
    """Folds positions into [0, size - 1], however far outside they are."""
    last = max(size - 1, 1)
    return last - ops.abs(ops.mod(position, 2.0 * last) - last)


def _stages(recolor: _Recolor, images: Tensor, table: Tensor) -> Tensor:
    """Applies N color operations in sequence.

    The loop keeps XLA on CPUs from fusing the operations. Fused, the first operation is
    computed again for every use in the second, which is five times as slow.

    Args:
        recolor: Applies one operation.
        images: `(B, H, W, 3)`.
        table: `(B, N, len(COLUMNS))`, see `rand_augment`.
    """
    by_stage = ops.transpose(table, (1, 0, 2))

    def body(stage: Tensor, images: Tensor) -> Tensor:
        return recolor(images, _columns(ops.take(by_stage, stage, axis=0)))

    return ops.fori_loop(0, table.shape[1], body, images)


def _columns(table: Tensor) -> dict[str, Tensor]:
    """`(B, len(COLUMNS))` -> `(B, 1, 1, 1)` each, by name; see `rand_augment`."""
    return {
        name: table[:, number][:, None, None, None]
        for number, name in enumerate(rand_augment.COLUMNS)
    }


def _any_color(images: Tensor, column: Mapping[str, Tensor]) -> Tensor:
    """All color operations of `rand_augment`, with parameters per image."""
    images = _blend(images, column, column["smooth"] * _smooth(images))
    images = ops.where(column["autocontrast"] > 0, _stretch(images), images)
    images = ops.where(column["equalize"] > 0, _equalize(images), images)
    images = ops.where(images >= column["threshold"], 255 - images, images)
    brighter = ops.minimum(images + column["add"], 255)
    images = ops.where(images < 128, brighter, images)
    whole = ops.floor(images / column["step"]) * column["step"]
    return ops.where(column["step"] > 1, whole, images)


def _blend(images: Tensor, column: Mapping[str, Tensor], other: Tensor = 0.0) -> Tensor:
    """Blends each image with black, its mean, its grey version, or `other`."""
    grey = ops.sum(
        images * np.array([0.299, 0.587, 0.114], "float32"), -1, keepdims=True
    )
    mean = ops.round(ops.mean(grey, axis=(1, 2), keepdims=True))
    other = other + column["mean"] * mean + column["grey"] * grey
    blend = column["factor"] * images + (1 - column["factor"]) * other
    return ops.clip(blend, 0, 255)


def _smooth(images: Tensor) -> Tensor:
    """Pillow's SMOOTH filter: weight 5 at the center, 1 around it; edges unchanged."""
    rows = images[:, :-2] + images[:, 1:-1] + images[:, 2:]
    total = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
    total = total + 4 * images[:, 1:-1, 1:-1]
    height, width = images.shape[1:3]
    inner = np.zeros((1, height, width, 1), bool)
    inner[:, 1:-1, 1:-1] = True
    padded = ops.pad(total / 13, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return ops.where(inner, padded, images)


def _stretch(images: Tensor) -> Tensor:
    """Autocontrast: maps the range of each channel to 0 to 255."""
    low = ops.min(images, axis=(1, 2), keepdims=True)
    high = ops.max(images, axis=(1, 2), keepdims=True)
    span = ops.where(high > low, high - low, 255.0)
    return ops.where(high > low, (images - low) * (255 / span), images)


def _equalize(images: Tensor) -> Tensor:
    """Equalizes the histogram of each channel, as Pillow does."""
    height, width, channels = images.shape[1:]
    rows = ops.shape(images)[0] * channels  # one histogram per image and channel
    value = ops.cast(ops.transpose(images, (0, 3, 1, 2)), "int32")
    value = ops.reshape(value, (-1, height * width))
    bin_index = value + 256 * ops.arange(rows, dtype="int32")[:, None]
    bin_index = ops.reshape(bin_index, (-1,))
    count = ops.segment_sum(ops.ones_like(bin_index), bin_index, rows * 256)
    count = ops.reshape(count, (-1, 256))
    below = ops.cumsum(count, axis=1) - count
    brightest = ops.max(value, axis=1, keepdims=True)
    last = ops.take_along_axis(count, brightest, axis=1)
    step = (height * width - last) // 255
    target = (below + step // 2) // ops.maximum(step, 1)
    target = ops.where(step > 0, ops.minimum(target, 255), np.arange(256))
    found = ops.take(ops.reshape(target, (-1,)), bin_index, axis=0)
    found = ops.reshape(found, (-1, channels, height, width))
    return ops.cast(ops.transpose(found, (0, 2, 3, 1)), "float32")


def erase(images: Tensor, boxes: Tensor, starts: Tensor) -> Tensor:
    """Random erasing: fills a box of each image with noise.

    Args:
        images: `(B, H, W, C)`.
        boxes: `(B, 4)` top, left, bottom, right.
        starts: `(B,)` index in the noise of the first value for each image.
    """
    count = np.prod(images.shape[1:], dtype="int32")
    noise = _noise()
    indices = (starts[:, None] + np.arange(count, dtype="int32")) % len(noise)
    fresh = ops.reshape(ops.take(noise, indices, axis=0), (-1, *images.shape[1:]))
    return ops.where(_inside(boxes, images), fresh, images)


def mix(images: Tensor, lam: Tensor, bbox: Tensor) -> Tensor:
    """Mixup and CutMix: blends each image with its neighbor, and pastes a box of it.

    Args:
        images: `(B, H, W, C)`, B even.
        lam: `(B,)` weight of the image itself in the blend.
        bbox: `(B, 4)` top, left, bottom, right of the pasted box.
    """
    pairs = ops.reshape(images, (-1, 2, *images.shape[1:]))
    partner = ops.reshape(ops.flip(pairs, axis=1), (-1, *images.shape[1:]))
    share = ops.where(_inside(bbox, images), 0.0, lam[:, None, None, None])
    return share * images + (1 - share) * partner


def _inside(boxes: Tensor, images: Tensor) -> Tensor:
    """Whether a pixel lies in the box of its image, `(B, H, W, 1)`."""
    height, width = images.shape[1:3]
    boxes = boxes[:, :, None, None, None]
    y = ops.arange(height, dtype="int32")[:, None, None]
    x = ops.arange(width, dtype="int32")[None, :, None]
    inside_y = (y >= boxes[:, 0]) & (y < boxes[:, 2])
    return inside_y & (x >= boxes[:, 1]) & (x < boxes[:, 3])


@functools.cache
def _noise() -> np.ndarray:
    """Normal noise around the middle of the pixel range, the same in every run."""
    rng = np.random.default_rng(0)
    return rng.normal(127.5, 57.5, 1 << 16).clip(0, 255).astype("float32")
