"""Rollout inside a network is that of its attention maps."""

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.analysis import attention_maps, rollout
from keras_hybrid.analysis.rollout_output import rollout_output
from keras_hybrid.export import fold
from tests.analysis.conftest import slow_on_jax
from tests.small import ATTENTIVE, FAMILIES, small


def outputs_and_images(model):
    shape = (2, *model.input_shape[1:])
    images = np.random.default_rng(0).uniform(0, 255, shape).astype("float32")
    reader = keras.Model(model.input, rollout_output(model))
    return keras.ops.convert_to_numpy(reader(images)), images


@slow_on_jax
@pytest.mark.parametrize("family", ATTENTIVE)
def test_rollout_of_folded_models(family, randomise):
    model = randomise(small(FAMILIES[family]))
    expected, images = outputs_and_images(model)
    by_numpy = rollout(attention_maps(model, images))
    np.testing.assert_allclose(expected, by_numpy, 0, 0.02 * by_numpy.std())
    found, _ = outputs_and_images(fold(model))
    np.testing.assert_allclose(found, expected, 0, 0.02 * expected.std())


@slow_on_jax
def test_rollout_of_the_unchanged_view(randomise):
    model = randomise(small(FAMILIES["ATC"]))
    expected, _ = outputs_and_images(model)
    found, _ = outputs_and_images(models.average_views(model, "flip_shift"))
    np.testing.assert_allclose(found, expected, 0, 0.02 * expected.std())


def test_models_without_rollout():
    assert rollout_output(small(FAMILIES["ResNet"])) is None
    members = [small(FAMILIES["ATC"]) for _ in range(2)]
    assert rollout_output(models.ensemble(members)) is None
