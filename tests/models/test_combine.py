"""Averages over views and over networks, against the mean computed by hand."""

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.export import fold
from keras_hybrid.layers import VIEWS
from tests.small import small


def images_for(model, count=3):
    shape = (count, *model.input_shape[1:])
    return np.random.default_rng(1).uniform(0, 255, shape).astype("float32")


def logits(model, images):
    return keras.ops.convert_to_numpy(models.logits(model)(images))


def flips(images):
    return images, images[:, :, ::-1]


def quarter_turns(images):
    turned = [np.rot90(images, k, (1, 2)) for k in range(4)]
    return [view for x in turned for view in flips(x)]


def shifts(images):
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), "reflect")
    moved = (images, padded[:, :-2, :-2], padded[:, 2:, 2:])
    return [view for x in moved for view in flips(x)]


BY_HAND = {"flip": flips, "flip_shift": shifts, "d4": quarter_turns}


@pytest.mark.parametrize("name", ["atc3", "ceit_tiny", "resnet9_hybrid"])
def test_mean_of_mirror_images(name, randomise, tmp_path):
    model = randomise(small(name))
    images = images_for(model)
    plain = logits(model, images)
    expected = np.mean([logits(model, x) for x in flips(images)], axis=0)
    both = models.average_views(model)
    found = logits(both, images)
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert abs(found - plain).max() > 1e-3
    np.testing.assert_allclose(found, logits(both, images[:, :, ::-1]), atol=2e-6)
    np.testing.assert_allclose(logits(fold(both), images), expected, atol=4e-6)
    np.testing.assert_array_equal(logits(model, images), plain)  # left as it is
    both.save(tmp_path / "both.keras")
    loaded = keras.models.load_model(tmp_path / "both.keras")
    np.testing.assert_allclose(logits(loaded, images), found, atol=1e-6)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(both(images)),
        keras.ops.convert_to_numpy(keras.ops.softmax(expected)),
        atol=1e-6,
    )


@pytest.mark.parametrize("views", sorted(VIEWS))
def test_every_kind_of_views(views, randomise):
    model = randomise(small("resnet9"))
    images = images_for(model)
    seen = BY_HAND[views](images)
    assert len(seen) == len(VIEWS[views])
    expected = np.mean([logits(model, x) for x in seen], axis=0)
    found = logits(models.average_views(model, views), images)
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_views_that_do_not_fit():
    wide = small("resnet9", size=(32, 48))
    with pytest.raises(ValueError, match="d4 needs square images, not 32x48"):
        models.average_views(wide, "d4")
    with pytest.raises(ValueError, match=r"views must be one of .*not 'mirror'"):
        models.average_views(wide, "mirror")
    with pytest.raises(ValueError, match="averages over views already"):
        models.average_views(models.average_views(small("resnet9")))
    for views in ("d4", "flip_shift"):
        with pytest.raises(ValueError, match=r"d4 needs square|of a fixed size"):
            models.average_views(small("resnet9", size=(None, None)), views)
    with pytest.raises(ValueError, match="without a classifier"):
        models.average_views(small("resnet9", include_top=False))


@pytest.mark.parametrize("names", [("resnet9", "resnet9"), ("atc3", "resnet9_hybrid")])
def test_mean_of_networks(names, randomise, tmp_path):
    members = [randomise(small(x, size=(32, 32))) for x in names]
    images = images_for(members[0])
    expected = np.mean([logits(x, images) for x in members], axis=0)
    joined = models.ensemble(members)
    assert abs(logits(members[0], images) - expected).max() > 1e-2
    np.testing.assert_allclose(logits(joined, images), expected, atol=2e-6)
    np.testing.assert_allclose(logits(fold(joined), images), expected, atol=4e-6)
    joined.save(tmp_path / "joined.keras")
    loaded = keras.models.load_model(tmp_path / "joined.keras")
    np.testing.assert_allclose(logits(loaded, images), expected, atol=2e-6)
    assert "member2_stage1" in models.features(joined).output


def test_networks_that_do_not_fit():
    model = small("resnet9")
    with pytest.raises(ValueError, match="two models or more"):
        models.ensemble([model])
    with pytest.raises(ValueError, match="different inputs or outputs"):
        models.ensemble([model, small("resnet9", classes=7)])
    with pytest.raises(ValueError, match="Some models take pixels"):
        models.ensemble([model, small("resnet9", include_preprocessing=False)])
