"""The rule for unknown images inside a model: where it is, and what leaves it alone."""

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.export.fold import fold
from keras_hybrid.layers import Familiarity
from tests.small import FAMILIES, small


def fill(model):
    """Gives a Familiarity layer weights with which `known` differs between images."""
    layer = models.familiarity(model)
    rng = np.random.default_rng(1)
    for center in layer.centers:
        center.assign(rng.normal(size=center.shape))
    for weight in layer.factors:
        weight.assign(np.eye(weight.shape[0]))
    layer.strangeness.assign(np.linspace(-40, 80, layer.knots))
    layer.share.assign(np.linspace(1, 0, layer.knots))
    return model


def images(model, count=4):
    rng = np.random.default_rng(0)
    contrast = np.linspace(0.1, 1, count)[:, None, None, None]
    return (255 * contrast * rng.random((count, *model.input_shape[1:]))).astype("f4")


def answer(model, pixels):
    return keras.ops.convert_to_numpy(model(pixels, training=False))


def known_of(model, pixels):
    return answer(models.known(model), pixels)


@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_every_family(name, tmp_path):
    plain = small(name)
    model = fill(models.with_familiarity(plain))
    pixels = images(model)
    np.testing.assert_array_equal(answer(model, pixels), answer(plain, pixels))
    known = known_of(model, pixels)
    assert known.shape == (4, 1)
    assert 0 < known.min() < known.max() < 1
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(known_of(loaded, pixels), known)
    np.testing.assert_allclose(known_of(fold(model), pixels), known, 0, 2e-4)


@pytest.fixture(scope="module")
def model():
    return fill(models.with_familiarity(small("cvt13")))


@pytest.mark.backend_independent
def test_models_without_it_are_as_before():
    plain = small("resnet9")
    assert models.known(plain) is None and models.familiarity(plain) is None
    with pytest.raises(ValueError, match="ends in logits"):
        models.with_familiarity(models.logits(plain))


@pytest.mark.backend_independent
def test_views_average_what_it_reads(model):
    """Of an image that is its own mirror image the views are equal."""
    averaged = models.average_views(model)
    pixels = images(model)
    pixels = np.concatenate([pixels[:, :, :24], pixels[:, :, 23::-1]], axis=2)
    np.testing.assert_allclose(
        known_of(averaged, pixels), known_of(model, pixels), 0, 1e-4
    )
    assert averaged.output_shape == model.output_shape


@pytest.mark.backend_independent
def test_it_belongs_to_its_classifier(model):
    for other in (
        models.with_head(model, 3),
        models.ensemble([model, model]),
        models.logits(model),
    ):
        assert not any(isinstance(x, Familiarity) for x in other.layers)
    again = models.with_familiarity(model)
    assert sum(isinstance(x, Familiarity) for x in again.layers) == 1


@pytest.mark.backend_independent
def test_weights_load_into_a_plain_model(model, tmp_path):
    model.save(tmp_path / "model.keras")
    plain = small("cvt13", weights=str(tmp_path / "model.keras"))
    pixels = images(model)
    np.testing.assert_allclose(answer(plain, pixels), answer(model, pixels), 0, 1e-6)
