"""Shapes that are no (height, width, channels) are refused when a model is built."""

import keras
import pytest

from keras_hybrid import models
from tests.small import FAMILIES, small

pytestmark = pytest.mark.backend_independent


@pytest.mark.parametrize(
    ("shape", "meant"),
    [
        ((32, 32), r"; did you mean \(32, 32, 3\)\?"),
        ((3, 32, 48), r"; did you mean \(32, 48, 3\)\?"),
        ((1, 32, 32), r"; did you mean \(32, 32, 1\)\?"),
        ((None, None), r"; did you mean \(None, None, 3\)\?"),
        ((32, 32, 0), ""),
        ((32, 32, None), ""),
        ((32.0, 32, 3), ""),
        (32, ""),
        ("32x32", ""),
        ((1, 32, 32, 3), ""),
    ],
)
def test_a_wrong_shape(shape, meant):
    with pytest.raises(ValueError, match=f"input_shape is .* not .*{meant}$") as caught:
        models.ATC3(input_shape=shape)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(32, 48, 3), [32, 32, 1], (32, 32, 13)])
def test_shapes_that_are_right(shape):
    assert small("atc3", input_shape=shape).input_shape == (None, *shape)


@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_channels_first_is_refused(name):
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="set channels_last in"):
            small(name)
    finally:
        keras.config.set_image_data_format("channels_last")
