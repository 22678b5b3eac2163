"""Cues that tell the classes: planted ones are found, chance is not."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from keras_hybrid.data import check_folder
from keras_hybrid.data.check.read_image_files import CheckedImage
from keras_hybrid.data.check.shortcuts import cue_score, shortcut_findings
from tests.data.check.generated_images import generated_image

pytestmark = pytest.mark.backend_independent
LABELS = np.arange(60) % 3


def border(image, label, rng):
    pixels = np.array(image)
    pixels[:2] = rng.integers(100, 130) + 40 * label
    return Image.fromarray(pixels)


def size(image, label, rng):
    return image.resize((64 + 8 * label, 64 + int(rng.integers(3))))


def blur(image, label, rng):
    return image.filter(ImageFilter.GaussianBlur(int(label)))


@pytest.mark.parametrize(
    ("plant", "cue"),
    [(border, "border color"), (size, "image size"), (blur, "sharpness")],
)
def test_a_planted_cue_is_a_warning(plant, cue, tmp_path):
    rng = np.random.default_rng(0)
    for i, label in enumerate(LABELS):
        folder = tmp_path / "abc"[label]
        folder.mkdir(exist_ok=True)
        image = plant(generated_image(i), label, rng)
        image.save(folder / f"{rng.integers(1 << 40):x}.png")
    found = [
        x for x in check_folder(tmp_path, quiet=True).findings if "alone" in x.message
    ]
    assert found[0].kind == "shortcut" and found[0].severity == "warning"
    assert cue in {x.message.split(" alone")[0].removeprefix("The ") for x in found}
    assert "by chance 33 %" in found[0].message


def images(values, labels):
    return [
        CheckedImage(str(i), "abc"[label], None, cues={"border color": tuple(value)})
        for i, (value, label) in enumerate(zip(values, labels, strict=True))
    ]


def test_chance_is_seldom_found():
    """Of fifty shuffled foldersful, at most one in twenty."""
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(50):
        values = rng.normal(size=(60, 12))
        found += len(shortcut_findings(images(values, LABELS), np.arange(60))) > 0
    assert found <= 2


def test_copies_stay_in_one_fold():
    """Copies of an image would tell its class by themselves."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(24), 6)
    labels, values = groups % 3, rng.normal(size=(24, 4))[groups]
    torn = cue_score(values, labels, np.arange(144))
    kept = cue_score(values, labels, groups)
    assert torn.accuracy > 0.8 and kept.accuracy < 0.6


def test_classes_of_few_images_are_left_out():
    values = LABELS[:, None] + np.zeros((60, 2))
    assert len(shortcut_findings(images(values, LABELS), np.arange(60))) == 1
    assert not shortcut_findings(images(values[:20], LABELS[:20]), np.arange(20))
