"""The resize that training, validation, test, prediction and export share.

The README in `saved_models` has the same in plain Pillow and NumPy. A test compares the
two pixel by pixel.
"""

from collections.abc import Mapping
from typing import Any

from PIL import Image

from keras_hybrid.utils.typing import Shape

TRAINING_RESIZE: dict[str, Any] = {"crop": 1.0, "interpolation": "bicubic"}
"""Arguments of `resize_and_crop` for training, validation and test images."""


def resize_and_crop(
    image: Image.Image,
    size: Shape,
    crop: float = 1.0,
    interpolation: str = "bicubic",
    squash: bool = False,
) -> Image.Image:
    """Resizes the center of an image to `size` in one step.

    1. The box is the largest centered rectangle with the aspect ratio of `size`. Its
       sides are multiplied by `crop`. Its edges are floating-point numbers.
    2. Pillow's `resize(size, filter, box=box)` resizes the box with antialiasing and
       rounds the result to 8 bits. Nothing else is rounded.

    The evaluation of timm and torchvision resizes the short side to `size / crop` and
    crops the center. The result is the same, except that they round the size and the
    corner to whole pixels.

    Args:
        image: Upright image, RGB or grayscale, see `decode.to_rgb`.
        size: Height and width of the result. If one is None, the image is returned
            unchanged.
        crop: Factor of the box's sides, in (0, 1].
        interpolation: Name of a Pillow filter: bicubic, bilinear, lanczos, box,
            hamming or nearest.
        squash: Resize the whole image and change its aspect ratio instead.

    Returns:
        The resized image, in the mode of `image`.

    Raises:
        ValueError: If `crop` is outside (0, 1] or the filter is unknown.
    """
    height, width = size
    if height is None or width is None:
        return image
    if not 0 < crop <= 1:
        raise ValueError(f"crop must lie in (0, 1], not {crop}.")
    if interpolation.upper() not in Image.Resampling.__members__:
        known = ", ".join(name.lower() for name in Image.Resampling.__members__)
        raise ValueError(f"There is no interpolation {interpolation!r}; use {known}.")
    left = (image.width - crop * min(image.width, image.height * width / height)) / 2
    top = (image.height - crop * min(image.height, image.width * height / width)) / 2
    box = (left, top, image.width - left, image.height - top)
    return image.resize(
        (width, height),
        Image.Resampling[interpolation.upper()],
        box=None if squash else box,
    )


def describe_preprocessing(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The `preprocessing` of a model's card: its numbers, and the steps in words.

    Args:
        facts: `mean`, `std`, `crop`, `interpolation` and, if it is so, `squash`.
    """
    filter = str(facts["interpolation"]).upper()
    box = (
        "Let width, height be the model's and box = (0, 0, W, H) the whole image."
        if facts.get("squash")
        else "Let W, H be the image's width and height, and width, height the model's. "
        f"left = (W - {facts['crop']} * min(W, H * width / height)) / 2; "
        f"top = (H - {facts['crop']} * min(H, W * height / width)) / 2; "
        "box = (left, top, W - left, H - top)."
    )
    return dict(facts) | {
        "steps": [
            "Decode the file at full size (no JPEG draft mode) and apply its EXIF "
            "orientation.",
            "Convert to 8-bit RGB: a 16-bit value v becomes (v + 128) // 257; "
            "transparent pixels are composited over white. A model of one channel "
            "takes Pillow's convert('L') of that.",
            box,
            f"image.resize((width, height), Image.Resampling.{filter}, box=box) in "
            "Pillow gives the pixels, 0 to 255, channels last.",
            "The model itself computes (pixel / 255 - mean) / std.",
        ]
    }
