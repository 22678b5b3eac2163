"""The folded model: the same answers from fewer layers."""

import keras
import numpy as np
import pytest

from keras_hybrid import layers, models
from keras_hybrid.export import fold
from keras_hybrid.layers.factories import batch_norm, layer_norm
from tests.small import FAMILIES, small

# Batch norms that stay in two blocks of MBConv with public weights: the first where
# an activation follows it, the last where the gate precedes it.
STAY = {
    "resnet9": 3,
    "resnet9_hybrid": 3,
    "wrn16_8": 4,
    "coatnet1_rw": 4,
    "coatnet_bn0_rw": 4,
    "coatnet3_rw": 2,
}
NAMES = sorted({*FAMILIES.values(), "coatnet0", *STAY})


def images_for(model):
    shape = [side or 40 for side in model.input_shape[1:]]
    return np.random.default_rng(1).uniform(0, 255, (2, *shape)).astype("float32")


def answer(model, images):
    return keras.ops.convert_to_numpy(model(images))


def norms(model, kind=keras.layers.BatchNormalization):
    return [x for x in model._flatten_layers() if isinstance(x, kind)]


@pytest.mark.parametrize("name", NAMES)
def test_same_logits_and_no_batch_norm(name, randomise, tmp_path):
    model = randomise(small(name, dropout_rate=0.1))
    before = [keras.ops.convert_to_numpy(x).copy() for x in model.weights]
    folded = fold(model)
    images = images_for(model)
    expected = answer(models.logits(model), images)
    np.testing.assert_allclose(
        answer(models.logits(folded), images), expected, rtol=0, atol=2e-6
    )
    assert np.ptp(expected) > 0.05
    assert len(norms(folded)) == STAY.get(name, 0)
    gone = (keras.layers.Dropout, layers.DropPath, layers.GatedPositionalAttention)
    assert not [x for x in folded.layers if isinstance(x, gone)]
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), value)
    folded.save(tmp_path / "folded.keras")
    loaded = keras.models.load_model(tmp_path / "folded.keras")
    np.testing.assert_array_equal(answer(loaded, images), answer(folded, images))


@pytest.mark.backend_independent
@pytest.mark.parametrize("name", ["cvt13", "atc3"])
def test_free_size(name, randomise):
    model = randomise(small(name, (None, None)))
    images = images_for(model)
    np.testing.assert_allclose(
        answer(fold(model), images), answer(model, images), rtol=0, atol=2e-6
    )


@pytest.mark.backend_independent
def test_the_leff_that_nothing_reads_is_gone(randomise):
    model = randomise(small("ceit_tiny"))
    folded = fold(model)
    names = {x.name for x in model.layers} - {x.name for x in folded.layers}
    assert names == {
        "i2t_norm",
        "block2_leff",
        "block2_attention_drop_path",
        "block2_mlp_drop_path",
    }


@pytest.mark.backend_independent
@pytest.mark.parametrize("name", ["convit_tiny", "cvt13", "atc3"])
def test_the_last_block_computes_its_class_token_alone(name, randomise):
    model = randomise(small(name))
    last = [x for x in model.layers if isinstance(x, layers.DotProductAttention)][-1]
    add, norm = (last.name.replace("_attention", x) for x in ("_mlp_add", "_mlp_norm"))
    folded = fold(model)
    for row in (last.name, norm, add):
        assert model.get_layer(row).output.shape[1] > 1
        assert folded.get_layer(row).output.shape[1] == 1
    keys = folded.get_layer(f"{last.name}_key").output
    assert keys.shape == model.get_layer(f"{last.name}_key").output.shape
    names = [list(models.features(x).output) for x in (folded, model)]
    assert names[0] == names[1][:-1]


@pytest.mark.backend_independent
@pytest.mark.parametrize("name", ["convit_tiny", "cvt13"])
def test_the_patches_stay_where_they_are_read(name, randomise):
    model = randomise(small(name))
    split = [x for x in model.layers if isinstance(x, layers.SplitClassToken)][-1]
    model = keras.Model(model.inputs, [model.output, split.feature])
    images = images_for(model)
    for found, expected in zip(fold(model)(images), model(images), strict=True):
        np.testing.assert_allclose(
            *(keras.ops.convert_to_numpy(x) for x in (found, expected)), atol=1e-5
        )


@pytest.mark.backend_independent
def test_layer_norms_lose_their_factors_where_only_linear_maps_read_them(randomise):
    model = fold(randomise(small("ceit_tiny")))
    kept = {x.name for x in norms(model, keras.layers.LayerNormalization) if x.scale}
    assert kept == {"block1_mlp_norm", "block2_mlp_norm"}  # LeFF passes the token on
    model = fold(randomise(small("convit_tiny", pooling="head", include_top=False)))
    kept = {x.name for x in norms(model, keras.layers.LayerNormalization) if x.scale}
    assert kept == {"norm"}  # the model's own output


@pytest.mark.backend_independent
def test_what_others_read_stays(randomise):
    """A norm whose neighbours have other readers must not be moved into them."""
    image = keras.Input((4, 4, 3))
    x = layers.PaddedConv2D(5, 3, name="conv")(image)
    y = batch_norm("norm")(x)
    z = layer_norm("layer_norm")(y)
    a = keras.layers.Dense(5, name="dense")(z)
    b = keras.layers.Dense(5, activation="relu", name="active")(a)
    b = batch_norm("norm_after_relu")(b)
    model = randomise(keras.Model(image, keras.layers.Add()([x, y, z, a, b])))
    folded = fold(model)
    images = images_for(model) / 255
    np.testing.assert_allclose(
        answer(folded, images), answer(model, images), rtol=0, atol=2e-6
    )
    assert {x.name for x in norms(folded)} == {"norm", "norm_after_relu"}


@pytest.mark.backend_independent
def test_what_is_an_output_stays(randomise):
    image = keras.Input((4, 4, 3))
    x = layer_norm("norm")(image)
    model = randomise(keras.Model(image, {"x": x, "y": keras.layers.Dense(5)(x)}))
    images = images_for(model) / 255
    expected, found = model(images), fold(model)(images)
    for name in expected:
        np.testing.assert_allclose(
            *(keras.ops.convert_to_numpy(x[name]) for x in (found, expected)),
            rtol=0,
            atol=2e-6,
        )


@pytest.mark.backend_independent
def test_only_functional_models():
    with pytest.raises(ValueError, match="functional"):
        fold(keras.Sequential([keras.layers.Dense(3)]))
