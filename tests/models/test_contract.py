"""What every variant promises, asked of all of `list_models()`.

Variants are built small: the family's structure with thin stages, as `SMALL` says.
Those that then have the same config are tried once.
"""

import re

import keras
import numpy as np
import pytest

from keras_hybrid import models
from tests.small import FAMILIES, distinct_structures, small

# Weights that the logits do not read. In the last block only the class token is, and
# its query passes by the convolution. What adds the same to all scores of a query
# cancels in the softmax: such a weight moves by rounding, or not at all. ResNet-9's
# attentions are behind gates that are zero at first.
_CVT = "stage3_block2_attention_query/(conv|norm)/|.*_attention_key/(linear/bias|norm/beta)"
_COATNET = ".*_attention/position/mlp_project/bias"
UNREAD = {
    "CvT": _CVT,
    "ATC": _CVT,
    "ConViT": r"block\d_attention/position_bias",
    "CeiT": r"block2_leff/|(block\d|lca)_attention_key/bias",
    "CoAtNet": _COATNET,
    "Astroformer": _COATNET,
    "ResNet9": r"stage\d_attention\d_(norm|attention)/",
}
# Builders whose height and width may be left free.
FREE_SIZE = {"CvT", "ATC"}


def images(model, batch=2, seed=0):
    shape = [side or 40 for side in model.input_shape[1:]]
    return np.random.default_rng(seed).uniform(0, 255, (batch, *shape)).astype("f4")


def answer(model, x):
    """What the model says, without the cost of compiling `predict`."""
    return keras.ops.convert_to_numpy(model(x, training=False))


every_variant = pytest.mark.parametrize("name", distinct_structures())
every_family = pytest.mark.parametrize("name", FAMILIES.values())


@every_variant
def test_forward_gives_probabilities(name):
    model = small(name)
    out = answer(model, images(model))
    assert out.shape == (2, 5)
    np.testing.assert_allclose(out.sum(-1), 1, atol=1e-5)
    assert np.ptp(out, axis=0).max() > 1e-6  # the image matters


@every_variant
def test_train_step_moves_every_weight(name):
    model = small(name, classifier_activation=None)
    before = [keras.ops.convert_to_numpy(w).copy() for w in model.trainable_weights]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    labels = np.arange(8) % 5
    history = model.fit(images(model, 8), labels, batch_size=8, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    still = [
        weight.path
        for weight, old in zip(model.trainable_weights, before, strict=True)
        if np.array_equal(keras.ops.convert_to_numpy(weight), old)
    ]
    unread = UNREAD.get(models.get(name).family.name, "nothing")
    assert all(re.match(unread, path) for path in still), still


@pytest.mark.backend_independent
@every_variant
def test_config_round_trip(name, randomise):
    model = randomise(small(name))
    clone = keras.Model.from_config(model.get_config())
    clone.set_weights(model.get_weights())
    x = images(model)
    np.testing.assert_array_equal(answer(model, x), answer(clone, x))


@pytest.mark.backend_independent
@every_family
def test_features_are_named_maps(name):
    model = small(name)
    taps = models.features(model)(images(model))
    assert taps
    for name, value in taps.items():
        assert len(value.shape) == 4 and name.startswith(
            ("stem", "stage", "block", "i2t")
        )
        assert np.isfinite(keras.ops.convert_to_numpy(value)).all()


@pytest.mark.backend_independent
@every_family
def test_head_swap_keeps_the_rest(name, randomise):
    model = randomise(small(name))
    swapped = models.with_head(model, classes=3)
    x = images(model)
    assert answer(swapped, x).shape == (2, 3)
    before, after = models.features(model)(x), models.features(swapped)(x)
    for key, value in after.items():
        np.testing.assert_array_equal(
            *map(keras.ops.convert_to_numpy, (value, before[key]))
        )


@pytest.mark.backend_independent
@every_family
@pytest.mark.parametrize("pooling", [None, "avg", "max", "head"])
def test_headless(name, pooling):
    model = small(name, include_top=False, pooling=pooling)
    assert len(model.output_shape) == (4 if pooling is None else 2)
    assert np.isfinite(answer(model, images(model))).all()


@every_family
def test_mixed_precision(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small(name)
    finally:
        keras.config.set_dtype_policy("float32")
    out = answer(model, images(model))
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.sum(-1), 1, atol=1e-5)
    exact = models.in_float32(model)
    assert {layer.compute_dtype for layer in exact._flatten_layers()} == {"float32"}
    for a, b in zip(exact.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.backend_independent
@every_family
def test_free_size_equals_fixed_size(name, randomise):
    if models.get(name).family.name not in FREE_SIZE:
        pytest.skip("the architecture needs a fixed size")
    fixed = randomise(small(name, size=(40, 56)))
    free = small(name, size=(None, None))
    free.set_weights(fixed.get_weights())
    x = images(fixed)
    np.testing.assert_allclose(answer(fixed, x), answer(free, x), atol=1e-6)


@pytest.mark.backend_independent
@every_family
def test_unknown_argument_is_named(name):
    with pytest.raises(TypeError, match=r"no argument 'classess'.*'classes'"):
        models.get(name).builder(classess=3)
