"""ResNet-9 and its hybrid: size, start, maps of other sizes, what training moves."""

import math

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.analysis import macs
from tests.small import small


def value(x):
    return keras.ops.convert_to_numpy(x)


def images(size=32, count=3):
    shape = (count, size, size, 3)
    return np.random.default_rng(0).uniform(0, 255, shape).astype("float32")


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    "builder, parameters",
    [(models.ResNet9, 1_995_932), (models.ResNet9Hybrid, 1_538_176)],
)
def test_size(builder, parameters):
    model = builder()
    assert sum(math.prod(v.shape) for v in model.trainable_variables) == parameters
    variant = models.get(model.name)
    assert variant.parameters == parameters
    assert macs(model) == pytest.approx(variant.macs, rel=1e-3)


def test_the_hybrid_starts_as_the_residual_network():
    """With the weights that both have, and gates of zero, outputs are equal."""
    settings = {"classifier_activation": None, "drop_path_rate": 0.0}
    plain = small("resnet9", **settings)
    hybrid = small("resnet9", attention_depths=(0, 1, 2), **settings)
    shared = {v.path: v for v in plain.variables}
    extra = [v for v in hybrid.variables if v.path not in shared]
    for variable in hybrid.variables:
        if variable.path in shared:
            variable.assign(shared[variable.path])
    assert len(extra) > 10 and all("_attention" in v.path for v in extra)
    x = images()
    np.testing.assert_allclose(value(hybrid(x)), value(plain(x)), atol=1e-6)
    for variable in extra:
        if variable.path.endswith("gate/gamma"):
            variable.assign(np.ones(variable.shape))
    assert abs(value(hybrid(x)) - value(plain(x))).max() > 1e-3


def test_smaller_images_read_the_middle_of_the_bias():
    """Offsets of a smaller map have the values that they have in the large one."""
    layer = relative_attention()
    full = value(layer.position(np.zeros((1, 4, 6, 8), "float32")))[0]
    part = value(layer.position(np.zeros((1, 2, 3, 8), "float32")))[0]
    full = full.reshape(-1, 4, 6, 4, 6)
    np.testing.assert_array_equal(
        part.reshape(-1, 2, 3, 2, 3), full[:, 1:3, 2:5, 1:3, 2:5]
    )
    with pytest.raises(ValueError, match="no entries for an axis of 5"):
        layer.position(np.zeros((1, 5, 6, 8), "float32"))


def relative_attention():
    from keras_hybrid.layers import RelativeAttention

    layer = RelativeAttention(8, head_width=4)
    layer.build((None, 4, 6, 8))
    return layer


@pytest.mark.backend_independent
def test_a_larger_stride_fits_larger_images():
    model = small("resnet9", size=(96, 96), stem_stride=2)
    assert models.features(model).output["stage1"].shape[1:3] == (24, 24)


@pytest.mark.backend_independent
def test_an_image_that_is_too_small():
    assert models.ResNet9(input_shape=(9, 12, 3)).output_shape == (None, 100)
    with pytest.raises(ValueError, match="1x2 pixels is too small to halve"):
        models.ResNet9(input_shape=(8, 12, 3))
