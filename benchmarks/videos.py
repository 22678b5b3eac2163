"""Generated videos: a shape, which is the class, moves before a background."""

import pathlib

import numpy as np
from PIL import Image, ImageDraw

CLASSES = ("circle", "cross", "square")
_SCALE = 4  # shapes are drawn larger and reduced, for smooth edges


def write_videos(
    root: pathlib.Path, videos: int, frames: int, seed: int, side: int = 32
) -> None:
    """Writes `root/CLASS/videoN_frameM.png`.

    Background and colour are those of a video, and say nothing about its class. The
    frames of a video differ by the place and size of the shape, and by noise.

    Args:
        root: A new folder.
        videos: Videos of each class.
        frames: Frames of each video.
        seed: Seed of all videos; other seeds make other videos.
        side: Height and width in pixels.
    """
    rng = np.random.default_rng(seed)
    for name in CLASSES:
        (root / name).mkdir(parents=True)
        for video in range(videos):
            coarse = rng.integers(0, 256, (4, 4, 3), dtype="uint8")
            scene = Image.fromarray(coarse).resize((_SCALE * side,) * 2)
            colour = rng.integers(0, 256, 3)
            start, speed = rng.uniform(0.2, 0.8, 2), rng.uniform(-0.1, 0.1, 2)
            for frame in range(frames):
                place = 0.2 + 0.6 * _bounced((start + frame * speed - 0.2) / 0.6)
                reach = rng.uniform(0.12, 0.18)
                image = _drawn(scene, name, place, reach, colour).resize((side, side))
                pixels = np.asarray(image) + rng.normal(0, 12, (side, side, 3))
                file = root / name / f"video{video}_frame{frame}.png"
                Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(file)


def _bounced(place: np.ndarray) -> np.ndarray:
    """A place that turns around at 0 and 1."""
    return 1 - abs(1 - place % 2)


def _drawn(
    scene: Image.Image, name: str, place: np.ndarray, reach: float, colour: np.ndarray
) -> Image.Image:
    """The scene with the shape; place and reach are shares of its side."""
    image = scene.copy()
    draw = ImageDraw.Draw(image)
    (x, y), r = place * image.width, reach * image.width
    box = (x - r, y - r, x + r, y + r)
    fill = tuple(colour.tolist())
    if name == "circle":
        draw.ellipse(box, fill)
    elif name == "square":
        draw.rectangle(box, fill)
    else:
        draw.rectangle((x - r, y - r / 3, x + r, y + r / 3), fill)
        draw.rectangle((x - r / 3, y - r, x + r / 3, y + r), fill)
    return image
