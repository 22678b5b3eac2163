"""Every kind of image and of model gives the probabilities of the Keras model."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

import keras_hybrid
from keras_hybrid import models
from keras_hybrid.data import read_image
from tests.inference.conftest import (
    CLASSES,
    FACTS,
    outputs_of,
    save_images,
    save_run,
    tiny,
)


@pytest.fixture
def photos(tmp_path):
    return save_images(tmp_path / "photos", 5)


def files(tmp_path):
    return sorted((tmp_path / "photos").iterdir())


@pytest.mark.backend_independent
def test_all_kinds_of_images_are_alike(trained, photos, tmp_path):
    classifier = keras_hybrid.load(trained)
    expected = outputs_of(keras.models.load_model(trained / "model.keras"), photos)
    paths = files(tmp_path)
    for images in (
        paths,
        map(str, paths),
        [Image.open(path) for path in paths],
        photos,
        photos.astype("float32"),
        photos.astype("uint16") * 257,
        [paths[0], photos[1], Image.open(paths[2]), *photos[3:]],
    ):
        found = classifier.predict(images, batch_size=2)
        np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
    for image in (paths[1], str(paths[1]), Image.open(paths[1]), photos[1]):
        found = classifier.predict(image).probabilities
        np.testing.assert_allclose(found, expected[1:2], atol=1e-6)


@pytest.mark.backend_independent
def test_the_result_names_the_classes(trained, photos):
    found = keras_hybrid.load(trained / "model.keras").predict(photos)
    assert found.classes == tuple(CLASSES) and len(found) == 5
    assert found.probabilities.dtype == np.float32
    assert len(set(found.names)) > 1
    assert found.names == [CLASSES[i] for i in found.labels]
    for row, best in zip(found.probabilities, found.top(2), strict=True):
        (first, highest), (_, second) = best
        assert first == CLASSES[row.argmax()] and highest == row.max() >= second


def test_preprocess_resizes_as_training_does(trained, tmp_path):
    save_images(tmp_path / "photos", 1, size=(30, 40))
    path = tmp_path / "photos/0.png"
    classifier = keras_hybrid.load(trained)
    expected = read_image(path, (16, 16, 3), FACTS)
    for image in (path, Image.open(path), np.asarray(Image.open(path))):
        np.testing.assert_array_equal(classifier.preprocess(image), expected)


def test_logits_become_probabilities(photos, tmp_path):
    model = tiny(classifier_activation=None)
    logits = outputs_of(model, photos)
    found = keras_hybrid.load(save_run(tmp_path / "run", model)).predict(photos)
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)


@pytest.mark.parametrize("channels", [3, 1])
def test_a_model_without_preprocessing_gets_that_of_its_card(channels, tmp_path):
    model = tiny(include_preprocessing=False, input_shape=(16, 16, channels))
    pixels = save_images(tmp_path / "photos", 5)[..., :channels]
    mean, std = np.array(FACTS["mean"]), np.array(FACTS["std"])
    if channels == 1:
        mean, std = mean.mean(), std.mean()
    expected = outputs_of(model, (pixels / 255 - mean) / std)
    found = keras_hybrid.load(save_run(tmp_path / "run", model)).predict(pixels)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
    run = save_run(tmp_path / "other", model, preprocessing={"crop": 1.0})
    with pytest.raises(ValueError, match=r"normalized images.*mean and std.*card"):
        keras_hybrid.load(run)


def test_an_ensemble_takes_pixels(photos, tmp_path):
    joint = models.ensemble([tiny(), tiny()])
    found = keras_hybrid.load(save_run(tmp_path / "run", joint)).predict(photos)
    np.testing.assert_allclose(
        found.probabilities, outputs_of(joint, photos), atol=1e-6
    )


def test_the_card_asks_for_views(photos, tmp_path):
    model = tiny()
    found = keras_hybrid.load(save_run(tmp_path / "run", model, tta="flip"))
    expected = outputs_of(models.average_views(model, "flip"), photos)
    np.testing.assert_allclose(found.predict(photos).probabilities, expected, atol=1e-6)
    assert abs(expected - outputs_of(model, photos)).max() > 1e-4


@pytest.mark.backend_independent
def test_images_of_any_size(tmp_path):
    model = tiny(input_shape=(None, None, 3))
    classifier = keras_hybrid.load(save_run(tmp_path / "run", model))
    rng = np.random.default_rng(0)
    sizes = [(16, 16), (16, 16), (24, 32), (16, 16)]
    images = [rng.integers(0, 256, (*size, 3), dtype="uint8") for size in sizes]
    expected = np.concatenate([outputs_of(model, image[None]) for image in images])
    found = classifier.predict(images).probabilities
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.backend_independent
def test_without_a_card_classes_have_numbers(photos, tmp_path):
    tiny().save(tmp_path / "alone.keras")
    classifier = keras_hybrid.load(tmp_path / "alone.keras")
    assert classifier.classes == ("class 0", "class 1", "class 2")
    assert classifier.predict(photos).names[0].startswith("class ")


@pytest.mark.backend_independent
def test_a_card_of_another_model(trained, photos):
    card = json.loads((trained / "card.json").read_text())
    card["class_names"].append("dog")
    (trained / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match=r"3 classes, but its card names 4"):
        keras_hybrid.load(trained).predict(photos)


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((16, 16), "uint8"), r"must be \(H, W, C\) or \(N, H, W, C\)"),
        (np.full((4, 4, 3), 0.5), r"lie in \[0, 1\]: multiply them by 255"),
        (np.full((4, 4, 3), -1.0), r"must lie in \[0, 255\]"),
        (np.full((4, 4, 3), np.nan), r"must lie in \[0, 255\]"),
        ([np.zeros((4, 4), "uint8")], r"must be \(H, W, C\), not"),
        (np.zeros((4, 4, 2), "uint8"), "1, 3 or 4 channels, not 2"),
        ([], "no images to classify"),
        (np.zeros((0, 4, 3), "uint8"), "no pixels in an image of shape"),
        (".", "is a folder, not an image"),
    ],
)
def test_images_that_are_refused(trained, image, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        keras_hybrid.load(trained).predict(image)
