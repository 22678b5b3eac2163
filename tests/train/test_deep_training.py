"""A model trained on images of more than 8 bits takes such images ever after."""

import json

import numpy as np
import pytest
from PIL import Image

from keras_hybrid import data, load
from keras_hybrid.inference import evaluate
from keras_hybrid.train import Recipe, run
from tests.data.deep_files import folder, tiff

pytestmark = pytest.mark.backend_independent

SIDE = 16
HIGH = 900
"""Beyond 8 bits, and black at 16 bits."""


def write(i, label):
    """Noise in a narrow band of levels, which 8 bits at 16-bit scale cannot tell."""
    rng = np.random.default_rng([i, label])
    values = rng.normal(400 + 60 * label, 10, (SIDE, SIDE, 1))
    values[0, 0] = HIGH
    return tiff(values.round().astype("uint16"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    root = folder(tmp_path_factory.mktemp("deep"), write, count=30)
    recipe = Recipe.of(
        dataset="folder",
        data_dir=str(root),
        workdir=str(tmp_path_factory.mktemp("run")),
        image_size=SIDE,
        model="resnet9",
        model_options=("widths=8,8,8", "stem_width=4"),
        epochs=12,
        batch_size=8,
        learning_rate=1e-2,
        validation_split=0.0,
    )
    return root, run(recipe)


def test_the_range_is_part_of_the_model(trained):
    root, result = trained
    facts = result.card["preprocessing"]
    assert facts["pixel_range"] == [0, 1023]
    assert result.metrics["test_accuracy"] == 1
    classifier = load(result.directory)
    path = root / "bright" / "0.tif"
    pixels = classifier.preprocess(path)
    assert pixels.dtype == "float32" and len(np.unique(pixels)) > 50
    assert pixels.max() == pytest.approx(255 * HIGH / 1023, abs=0.01)
    assert classifier.predict(path).names == ["bright"]
    found = evaluate(classifier, root, quiet=True)
    assert found.metrics["accuracy"] == 1


def test_the_same_as_arrays_and_as_8_bit_files(trained, tmp_path):
    root, result = trained
    classifier = load(result.directory)
    for label in ("dim", "bright"):
        with Image.open(root / label / "1.tif") as image:
            values = np.asarray(image)
        from_file = classifier.predict(root / label / "1.tif").probabilities
        for same in (Image.open(root / label / "1.tif"), values[..., None]):
            np.testing.assert_allclose(
                classifier.predict(same).probabilities, from_file, atol=1e-6
            )
        scaled = (values * (255 / 1023)).round().astype("uint8")
        Image.fromarray(scaled).save(tmp_path / "8bit.png")
        assert classifier.predict(tmp_path / "8bit.png").names == [label]


def test_golden_images_of_an_export_have_the_range(trained, tmp_path):
    from keras_hybrid.export.golden import make_golden

    _, result = trained
    golden = make_golden(result.directory, result.card, (SIDE, SIDE, 3), True, "real")
    assert golden.real == 5
    brightest = np.asarray(golden.images[0]).max()
    assert brightest == round(255 * HIGH / 1023)
    images = data.load_images(
        trained[0] / "dim", (SIDE, SIDE, 3), result.card["preprocessing"]
    )
    assert images.dtype == "float32" and images.shape == (30, SIDE, SIDE, 3)


def test_a_damaged_range_is_refused(trained, tmp_path):
    _, result = trained
    for name in ("model.keras", "card.json"):
        (tmp_path / name).write_bytes((result.directory / name).read_bytes())
    card = json.loads((tmp_path / "card.json").read_text())
    card["preprocessing"]["pixel_range"] = [5, 2]
    (tmp_path / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match=r"card.json is damaged: pixel_range"):
        load(tmp_path)
