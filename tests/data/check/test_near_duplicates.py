"""Copies are found, and distinct images are not taken for copies."""

import io

import numpy as np
import pytest
from PIL import Image

from keras_hybrid.data.check import near_duplicates as module
from keras_hybrid.data.check.near_duplicates import near_duplicates
from keras_hybrid.data.check.thumbnail import thumbnail
from tests.data.check.generated_images import altered_copy, generated_image

pytestmark = pytest.mark.backend_independent

COUNT = 1000


@pytest.fixture(scope="module")
def originals():
    return [generated_image(seed) for seed in range(COUNT)]


@pytest.fixture(scope="module")
def thumbnails(originals):
    return [thumbnail(image) for image in originals]


def saved(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


@pytest.mark.parametrize("kind", ["recompressed", "resized", "cropped"])
def test_of_20_copies_19_are_found_and_of_1000_images_one_false_pair(
    originals, thumbnails, kind
):
    rng = np.random.default_rng(0)
    chosen = rng.choice(COUNT, 20, replace=False).tolist()
    copies = [thumbnail(saved(*altered_copy(originals[i], kind, rng))) for i in chosen]
    pairs, complete = near_duplicates(thumbnails + copies)
    found = {(x.first, x.second) for x in pairs}
    right = {(index, COUNT + row) for row, index in enumerate(chosen)}
    assert complete
    assert len(found & right) >= 19
    assert len(found - right) <= 1


def test_many_copies_of_one_image_are_joined_by_few_pairs(originals):
    copies = [thumbnail(saved(originals[0], q)) for q in range(40, 90)]
    pairs, _ = near_duplicates([*copies, thumbnail(originals[1])])
    assert {x for pair in pairs for x in pair[:2]} == set(range(50))


def test_one_drawing_in_two_colours_is_no_copy():
    grey = np.asarray(generated_image(3).convert("L"))
    red = Image.fromarray(np.stack([grey, grey // 4, grey // 4], 2))
    blue = Image.fromarray(np.stack([grey // 4, grey // 4, grey], 2))
    assert near_duplicates([thumbnail(red), thumbnail(blue)])[0] == []
    assert len(near_duplicates([thumbnail(red), thumbnail(saved(red, 60))])[0]) == 1


def test_the_work_is_bounded(originals, monkeypatch):
    monkeypatch.setattr(module, "MOST_PAIRS", 0)
    copies = [thumbnail(saved(originals[0], quality)) for quality in (50, 90)]
    assert near_duplicates(copies) == ([], False)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_to_compare(originals, count):
    assert near_duplicates([thumbnail(originals[0])] * count) == ([], True)


def test_what_differs_in_details_alone_is_no_copy():
    """As galaxies do, whose bright core is alike and whose faint stars differ."""

    def galaxy(seed):
        place = np.linspace(-1, 1, 96)
        pixels = 200 * np.exp(-6 * (place**2 + 4 * place[:, None] ** 2))
        rows, columns = np.random.default_rng(seed).integers(2, 94, (2, 12))
        for row, column in zip(rows, columns, strict=True):
            pixels[row - 1 : row + 2, column - 1 : column + 2] += 20
        grey = pixels.clip(0, 255).astype("uint8")
        return Image.fromarray(grey).convert("RGB")

    alike = [thumbnail(galaxy(seed)) for seed in range(5)]
    assert near_duplicates(alike)[0] == []
    assert len(near_duplicates([alike[0], thumbnail(saved(galaxy(0), 80))])[0]) == 1
