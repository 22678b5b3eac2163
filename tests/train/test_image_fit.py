"""`--fit` is one setting, from training to the card and every later reader."""

import json

import numpy as np
import pytest
from PIL import Image

from keras_hybrid import data
from keras_hybrid.data.check.quick_check import quick_check
from keras_hybrid.inference import evaluate
from keras_hybrid.train import Recipe, run
from keras_hybrid.train.choose import choose_image_size
from tests.data.test_one_resize import read_by_readme

pytestmark = pytest.mark.backend_independent

CUES = {"red": (230, 40, 40), "green": (40, 230, 40), "blue": (40, 40, 230)}
SIZE = 32


@pytest.fixture(scope="module")
def long_images(tmp_path_factory):
    """4:1 images of grey noise; a bar of colour at each end tells the class."""
    root = tmp_path_factory.mktemp("long")
    rng = np.random.default_rng(0)
    for split, count in (("train", 16), ("test", 8)):
        for label, colour in CUES.items():
            (root / split / label).mkdir(parents=True)
            for i in range(count):
                pixels = rng.normal(128, 40, (40, 160, 1)).repeat(3, -1).clip(0, 255)
                pixels[:, :16] = pixels[:, -16:] = colour
                image = Image.fromarray(pixels.astype("uint8"))
                image = image.rotate(90 * (i % 2), expand=True)
                image.save(root / split / label / f"{i}.png")
    return root


def trained(long_images, workdir, fit):
    recipe = Recipe.of(
        dataset="folder",
        data_dir=str(long_images),
        workdir=str(workdir),
        image_size=SIZE,
        fit=fit,
        model="resnet9",
        model_options=("widths=8,8,8", "stem_width=4"),
        epochs=25,
        batch_size=8,
        learning_rate=1e-2,
        validation_split=0.0,
    )
    return run(recipe)


def test_pad_sees_the_ends_and_says_so_everywhere(long_images, tmp_path):
    result = trained(long_images, tmp_path, "pad")
    assert result.metrics["test_accuracy"] >= 0.95
    facts = result.card["preprocessing"]
    assert facts["fit"] == "pad" and "pasted" in " ".join(facts["steps"])
    assert json.loads((tmp_path / "recipe.json").read_text())["data"]["fit"] == "pad"
    assert "pad" in (tmp_path / "report.html").read_text()
    found = evaluate(tmp_path, long_images, quiet=True)
    assert found.metrics["accuracy"] == result.metrics["test_accuracy"]


def test_crop_is_warned_of(long_images, capsys):
    (finding,) = [
        x for x in data.check_folder(long_images).findings if x.kind == "long"
    ]
    assert finding.severity == "warning" and "--fit pad" in finding.message
    assert len(finding.groups) == 72
    fitted = data.check_folder(long_images, fit="pad").findings
    assert "long" not in [x.kind for x in fitted]
    assert any("--fit pad" in line for line in quick_check(long_images))
    assert quick_check(long_images, fit="pad") == []


def test_crop_never_shows_the_ends(long_images):
    pixels = data.load("folder", long_images, SIZE).test.images[:].astype("int32")
    assert np.ptp(pixels, -1).max() == 0  # grey, all of them


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_training_prediction_and_export_read_the_same_tensors(long_images, fit):
    facts = {"mean": [0.0] * 3, "std": [1.0] * 3, "fit": fit} | data.TRAINING_RESIZE
    card = {
        "input_shape": [SIZE, SIZE, 3],
        "preprocessing": data.describe_preprocessing(facts),
    }
    paths = sorted((long_images / "test" / "blue").iterdir())
    readme = read_by_readme()
    expected = np.stack([readme(path, card) for path in paths])

    training = data.load("folder", long_images, SIZE, fit=fit).test
    blue = training.images[:][training.labels == 0]
    assert {x.tobytes() for x in blue} == {x.tobytes() for x in expected}
    shape, facts = (SIZE, SIZE, 3), card["preprocessing"]
    predicted = np.stack([data.read_image(path, shape, facts) for path in paths])
    np.testing.assert_array_equal(predicted, expected)
    exported = data.load_images(long_images / "test" / "blue", shape, facts)
    np.testing.assert_array_equal(exported, expected)


def test_a_card_without_the_field_means_crop(long_images):
    path = next((long_images / "test" / "red").iterdir())
    old = data.read_image(path, (SIZE, SIZE, 3), {"crop": 1.0})
    new = data.read_image(path, (SIZE, SIZE, 3), {"crop": 1.0, "fit": "crop"})
    np.testing.assert_array_equal(old, new)
    assert data.describe_preprocessing(data.TRAINING_RESIZE)["fit"] == "crop"


def test_images_decoded_on_demand_are_fitted_too(long_images, monkeypatch):
    whole = data.load("folder", long_images, SIZE, fit="pad")
    for module in ("image_files", "lazy_images"):
        monkeypatch.setattr(f"keras_hybrid.data.{module}.IN_MEMORY", 1000)
    lazy = data.load("folder", long_images, SIZE, fit="pad")
    assert isinstance(lazy.train.images, data.LazyImages)
    np.testing.assert_array_equal(lazy.train.images[:], whole.train.images[:])
    other = data.load("folder", long_images, SIZE, fit="stretch")
    assert lazy.fingerprint() != other.fingerprint()


def test_a_loader_that_knows_no_fit_gives_its_own_size(monkeypatch):
    """It would crop; `load` resizes instead."""
    pixels = np.random.default_rng(0).integers(1, 256, (2, 10, 40, 3), dtype="uint8")

    def load_long(data_dir, image_size, corrupt):
        assert image_size is None
        split = data.Split(pixels, np.arange(2))
        return data.Dataset("long", split, split, ("a", "b"))

    monkeypatch.setitem(data.SOURCES, "long", data.DatasetSource(load_long))
    found = data.load("long", image_size=20, fit="pad").train.images[:]
    assert not found[:, [0, -1]].any() and found[:, 10].any()


def test_padding_and_random_crops(long_images):
    with pytest.raises(ValueError, match="--fit pad takes a --random-crop of a third"):
        Recipe.of(fit="pad", random_crop=(0.08, 1.0))
    assert Recipe.of(fit="crop", random_crop=(0.08, 1.0)).data.fit == "crop"
    settings = Recipe.of(fit="pad", random_crop=(1 / 3, 1.0), padding=0).augmentation
    samples, _ = settings.sample(np.random.default_rng(0), 5000, 96, 96)
    _, down, first = samples["affine"].reshape(-1, 2, 3)[:, 1].T
    last = first + 95 * down
    assert (first <= 48).all() and (last >= 47).all()  # the middle row is in each


def test_the_size_follows_the_side_that_is_kept(long_images):
    recipe = Recipe.of(dataset="folder", data_dir=str(long_images))
    assert choose_image_size(recipe).data.image_size == 32
    assert choose_image_size(recipe.replace(fit="pad")).data.image_size == 96
