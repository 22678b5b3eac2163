"""Contrast and sharpness of images, by their definition."""

import keras
import numpy as np
import pytest

from keras_hybrid.layers import ImageStatistics


def statistics(pixels, unit=1.0):
    layer = ImageStatistics(unit)
    found = keras.ops.convert_to_numpy(layer(pixels.astype("float32")))
    assert layer.compute_output_shape(pixels.shape) == found.shape
    return found


def test_values_of_small_images():
    """Colors that alternate across: all deviations across, none down."""
    pixels = np.zeros((1, 4, 4, 3))
    pixels[:, :, ::2] = [3, 0, 0]
    pixels[:, :, 1::2] = [0, 3, 0]
    flat = np.log(1e-3 + 0.02)
    across = [flat, *np.log([3.02, 3.02])]
    deviation = [flat, *np.log([1.52, 1.52])]
    expected = [1, 0.5, 0.5, *deviation, *across, *[flat] * 3]
    np.testing.assert_allclose(statistics(pixels), [expected], 1e-4)


def test_scales_units_and_channels():
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 16, 24, 3))
    found = statistics(pixels, 64.0)
    assert found.shape == (2, 30)
    np.testing.assert_allclose(found, statistics(pixels / 64), 1e-4, 1e-5)
    half = pixels.reshape(2, 8, 2, 12, 2, 3).mean((2, 4))
    np.testing.assert_allclose(found[:, 12:21], statistics(half, 64.0)[:, 3:12], 1e-4)
    assert statistics(pixels[..., :1]).shape == (2, 10)


@pytest.mark.backend_independent
def test_dynamic_side_and_config():
    image = keras.Input((None, None, 3))
    layer = ImageStatistics(64.0)
    assert layer(image).shape == (None, 30)
    assert ImageStatistics.from_config(layer.get_config()).unit == 64.0
