"""The resize that training, validation, test, prediction and export share.

The README in `saved_models` has the same in plain Pillow and NumPy. A test compares the
two pixel by pixel.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from PIL import Image

from keras_hybrid.utils.typing import Fit, Shape

TRAINING_RESIZE: dict[str, Any] = {"crop": 1.0, "interpolation": "bicubic"}
"""Arguments of `resize_and_crop` for training, validation and test images."""


def resize_and_crop(
    image: Image.Image,
    size: Shape,
    crop: float = 1.0,
    interpolation: str = "bicubic",
    fit: Fit = "crop",
) -> Image.Image:
    """Resizes an image to `size`, with Pillow's antialiasing filters.

    With `fit="crop"` the center of the image fills the result. The box is the largest
    centered rectangle with the aspect ratio of `size`; its sides are multiplied by
    `crop`, and its edges are floating-point numbers. The box is resized to `size`.

    The evaluation of timm and torchvision resizes the short side to `size / crop` and
    crops the center. The result is the same, except that they round the size and the
    corner to whole pixels.

    With `fit="pad"` the whole image keeps its aspect ratio. It is resized to the
    largest size that fits, rounded to whole pixels, and pasted into the middle of a
    black image (0 in every channel). That is the padding of Keras, TensorFlow and
    MediaPipe.

    With `fit="stretch"` the whole image is resized to `size`, whatever its aspect ratio
    is.

    Pillow resizes width and height one after the other, and rounds to 8 bits after
    each. Its version 13 chooses the order by the size of the image, earlier ones do
    not. Here the width always comes first, so that all versions, and programs without
    Pillow, compute equal pixels.

    Args:
        image: Upright image, RGB or grayscale, see `decode.to_rgb`.
        size: Height and width of the result. If one is None, the image is returned
            unchanged.
        crop: Factor of the box's sides, in (0, 1]; only for `fit="crop"`.
        interpolation: Name of a Pillow filter: bicubic, bilinear, lanczos, box,
            hamming or nearest.
        fit: How an image of another aspect ratio fills the result.

    Returns:
        The resized image, in the mode of `image`.

    Raises:
        ValueError: If `crop` is outside (0, 1], or the filter or `fit` is unknown.
    """
    height, width = size
    if height is None or width is None:
        return image
    if not 0 < crop <= 1:
        raise ValueError(f"crop must lie in (0, 1], not {crop}.")
    if interpolation.upper() not in Image.Resampling.__members__:
        known = ", ".join(name.lower() for name in Image.Resampling.__members__)
        raise ValueError(f"There is no interpolation {interpolation!r}; use {known}.")
    filter = Image.Resampling[interpolation.upper()]
    if fit == "crop":
        left = (
            image.width - crop * min(image.width, image.height * width / height)
        ) / 2
        top = (
            image.height - crop * min(image.height, image.width * height / width)
        ) / 2
        box = (left, top, image.width - left, image.height - top)
        return _resize(image, height, width, filter, box)
    if fit == "stretch":
        return _resize(image, height, width, filter)
    if fit == "pad":
        return _pad(image, height, width, filter)
    raise ValueError(f"fit must be one of {', '.join(get_args(Fit))}, not {fit!r}.")


def _resize(
    image: Image.Image,
    height: int,
    width: int,
    filter: Image.Resampling,
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    """Resizes a box of the image: first its width, then its height."""
    left, top, right, bottom = box or (0, 0, image.width, image.height)
    wide = (left, 0, right, image.height)
    image = image.resize((width, image.height), filter, wide)
    return image.resize((width, height), filter, (0, top, width, bottom))


def _pad(
    image: Image.Image, height: int, width: int, filter: Image.Resampling
) -> Image.Image:
    """The whole image, in the middle of a black one."""
    scale = min(width / image.width, height / image.height)
    inner = (
        max(1, int(image.width * scale + 0.5)),
        max(1, int(image.height * scale + 0.5)),
    )
    padded = Image.new(image.mode, (width, height))
    corner = ((width - inner[0]) // 2, (height - inner[1]) // 2)
    padded.paste(_resize(image, inner[1], inner[0], filter), corner)
    return padded


def describe_preprocessing(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The `preprocessing` of a model's card: its numbers, and the steps in words.

    Args:
        facts: `mean`, `std`, `crop`, `interpolation`, `fit`, which is `"crop"` if it
            is missing, and perhaps `pixel_range`, two numbers.
    """
    fit = facts.get("fit", "crop")
    return dict(facts) | {
        "fit": fit,
        "steps": [
            "Decode the file at full size (no JPEG draft mode), the first of several "
            "frames or pages, and apply its EXIF orientation.",
            f"Convert to 8-bit RGB: {_deep_step(facts.get('pixel_range'))}; "
            "transparent pixels are composited over white. A model of one channel "
            "takes Pillow's convert('L') of that.",
            "Let W, H be the image's width and height, and width, height the model's. "
            + _resize_step(fit, facts["crop"], str(facts["interpolation"]).upper()),
            "These are the pixels, 0 to 255, channels last.",
            "The model itself computes (pixel / 255 - mean) / std.",
        ],
    }


def _deep_step(pixel_range: Sequence[float] | None) -> str:
    """What becomes of values of more than 8 bits."""
    if pixel_range is None:
        return "a 16-bit value v becomes (v + 128) // 257"
    low, high = pixel_range
    return (
        f"but a value v of more than 8 bits becomes 255 * (v - {low:g}) / "
        f"({high:g} - {low:g}), within [0, 255], in float32, which is resized channel "
        "by channel in Pillow's mode F and not rounded"
    )


def _resize_step(fit: Fit, crop: float, filter: str) -> str:
    """How Pillow makes an image of the model's size."""
    filter = f"Image.Resampling.{filter}"
    if fit == "stretch":
        return (
            f"image.resize((width, H), {filter}), then "
            f".resize((width, height), {filter}) in Pillow."
        )
    if fit == "pad":
        return (
            "s = min(width / W, height / H); w = max(1, int(W * s + 0.5)); "
            f"h = max(1, int(H * s + 0.5)); image.resize((w, H), {filter}), then "
            f".resize((w, h), {filter}) in Pillow, pasted at ((width - w) // 2, "
            "(height - h) // 2) into a black image (0) of (width, height)."
        )
    return (
        f"left = (W - {crop} * min(W, H * width / height)) / 2; "
        f"top = (H - {crop} * min(H, W * height / width)) / 2; "
        f"image.resize((width, H), {filter}, box=(left, 0, W - left, H)), then "
        f".resize((width, height), {filter}, box=(0, top, width, H - top)) in Pillow."
    )
