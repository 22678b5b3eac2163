"""The images of a ship pack: test images of a run, and generated ones."""

import pathlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from keras_hybrid.data.decode import to_rgb
from keras_hybrid.data.folder_split import number_classes
from keras_hybrid.data.manifest import FILE as MANIFEST
from keras_hybrid.data.open_image import open_image
from keras_hybrid.data.pixel_range import PixelRange
from keras_hybrid.data.read_table import read_table
from keras_hybrid.utils.card import read_card

LONGEST = 512
"""Longest side of an image, in pixels."""

# Width and height of generated images, as shares of the input's.
_SHAPES = ((1.6, 1.6), (2.9, 1.1), (0.9, 2.6), (0.7, 0.6), (1.3, 2.0))


def test_images(
    run: pathlib.Path, count: int, pixel_range: PixelRange | None = None
) -> list[Image.Image]:
    """Test images of a run on a folder, upright RGB, the classes in turn.

    Args:
        run: The run's folder, with its `recipe.json` and `manifest.csv`.
        count: How many at most.
        pixel_range: Of files of more than 8 bits, which are rounded to 8.

    Returns:
        The images, made smaller where they exceed `LONGEST`; none if the run had other
        data, or its folder is not here.
    """
    found: list[Image.Image] = []
    for path in _test_files(run):
        if len(found) == count:
            break
        try:
            with open_image(path) as file:
                image = to_rgb(file, pixel_range)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue  # training told of it
        image.thumbnail((LONGEST, LONGEST))
        found.append(image)
    return found


def _test_files(run: pathlib.Path) -> Iterator[pathlib.Path]:
    """The test files of a run, spread over its classes."""
    try:
        recipe = read_card(run / "recipe.json")
        if recipe["data"]["dataset"] != "folder":
            return
        root = pathlib.Path(recipe["runtime"]["data_dir"])
        listed = read_table(run / MANIFEST, root, keep_absent=True).images
    except (OSError, ValueError, KeyError, TypeError):
        return  # no run, or its images are gone
    labels = number_classes(listed)[1]
    test = [i for i, image in enumerate(listed) if image.split == "test"]
    order = np.random.default_rng(0).permutation(test)
    turns = [np.flatnonzero(labels[order] == label) for label in np.unique(labels)]
    ranks = np.zeros(len(order), "int64")
    for places in turns:
        ranks[places] = np.arange(len(places))
    for index in order[np.argsort(ranks, kind="stable")]:
        yield pathlib.Path(listed[index].path)


def generated_images(height: int, width: int, count: int) -> list[Image.Image]:
    """Colourful images with detail at every scale, of several shapes.

    Swapped channels, another resize or another crop changes each of them.

    Args:
        height: Height of the model's input.
        width: Width of the model's input.
        count: How many; the first ones do not depend on it.
    """
    return [_generated(i, height, width) for i in range(count)]


def _generated(seed: int, height: int, width: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    across, down = _SHAPES[seed % len(_SHAPES)]
    scale = min(1.0, LONGEST / max(across * width, down * height))
    w, h = round(across * width * scale), round(down * height * scale)
    y, x = np.mgrid[:h, :w] / max(h, w)  # one wave after another, each finer
    waves = [
        np.sin(2 * np.pi * (k * x * rng.uniform(-1, 1) + k * y * rng.uniform(-1, 1)))
        for k in (1, 3, 10, 30)
    ]
    mixed = np.tensordot(rng.normal(0, 30, (3, 4)), waves, 1)  # (3, H, W)
    colour = rng.uniform(40, 215, (3, 1, 1))
    pixels = colour + mixed + rng.normal(0, 20, mixed.shape)
    return Image.fromarray(pixels.clip(0, 255).astype("uint8").transpose(1, 2, 0))
