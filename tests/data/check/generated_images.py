"""Images to plant faults among: smooth random fields with shapes, as photographs have."""

import numpy as np
from PIL import Image, ImageDraw


def generated_image(seed, side=64):
    """A smooth random field of colours with a few ellipses and lines."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 6, 3), dtype="uint8")
    image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(4):
        corners = rng.integers(0, side, (2, 2))
        box = [*corners.min(0).tolist(), *corners.max(0).tolist()]
        draw.ellipse(box, tuple(rng.integers(0, 256, 3).tolist()))
        ends = rng.integers(0, side, 4).tolist()
        draw.line(ends, tuple(rng.integers(0, 256, 3).tolist()), 2)
    return image


def altered_copy(image, kind, rng):
    """A copy, and the quality of its JPEG file."""
    width, height = image.size
    if kind == "recompressed":
        return image, int(rng.integers(40, 91))
    if kind == "resized":
        scale = rng.uniform(0.5, 1.5)
        return image.resize((round(width * scale), round(height * scale))), 95
    left, top, right, bottom = rng.uniform(0, 0.03, 4) * (width, height, width, height)
    box = (round(left), round(top), round(width - right), round(height - bottom))
    return image.crop(box), 95
