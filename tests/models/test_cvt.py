"""CvT against the published network, by number."""

import math

import keras
import numpy as np
import pytest

from keras_hybrid import models
from keras_hybrid.weights import load_torch
from keras_hybrid.weights.cvt import TRANSFORMERS

TOLERANCE = 2e-5


def count(model):
    return sum(math.prod(v.shape) for v in model.trainable_variables)


def micro(golden, **arguments):
    config = golden.config
    fields = {key: tuple(config[key]) for key in ("widths", "heads", "depths")}
    arguments = {"input_shape": (*config["image_size"], 3)} | arguments
    model = models.CvT(
        classes=config["classes"],
        classifier_activation=None,
        include_preprocessing=False,
        drop_path_rate=0.0,
        **fields,
        **arguments,
    )
    return load_torch(model, golden.state_dict)


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    "builder, classes, parameters",
    [
        (models.CvT13, 1000, 19_997_480),
        (models.CvT13, 100, 19_997_480 - 900 * 385),
        (models.CvT13, 10, 19_616_330),
        (models.CvT21, 1000, 31_622_696),
        (models.CvT21, 10, 31_241_546),
    ],
)
def test_parameters(builder, classes, parameters):
    model = builder(classes=classes)
    assert count(model) == parameters


@pytest.mark.backend_independent
def test_parameters_of_w24_from_the_closed_form():
    """Its 277 M weights are not allocated: kernel, width and depth give the count."""
    config = models.get("cvt_w24").config
    total, channels = 0, 3
    for kernel, width, depth in zip(
        config.kernels, config.widths, config.depths, strict=True
    ):
        total += kernel**2 * channels * width + 3 * width
        total += depth * (12 * width**2 + 46 * width)
        channels = width
    total += width + 2 * width + (width + 1) * 1000
    assert total == models.get("cvt_w24").parameters == 277_196_392
    assert total - 990 * (width + 1) == 276_181_642


@pytest.mark.slow
def test_parameters_of_w24_built():
    assert count(models.CvTW24()) == 277_196_392
    assert count(models.CvTW24(classes=10)) == 276_181_642


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    "fields, parameters",
    [
        ({"position_embedding": (True, False, False)}, 20_198_184),
        ({"position_embedding": (False, False, True)}, 20_073_128),
        ({"position_embedding": (True, True, True)}, 20_424_360),
        ({"projections": ("avg",) * 3}, 19_855_976),
        ({"projections": ("linear",) * 3, "key_value_strides": (1, 1, 1)}, 19_855_976),
        ({"class_token": False}, 19_997_480 - 384),
    ],
)
def test_parameters_of_ablations(fields, parameters):
    assert count(models.CvT13(**fields)) == parameters


def test_moving_statistics():
    model = models.CvT13()
    moving = [v for v in model.non_trainable_variables if "moving" in v.path]
    assert sum(math.prod(v.shape) for v in moving) == 25_728


@pytest.mark.parametrize("name", ["cvt_micro_official", "cvt_micro_hf"])
@pytest.mark.parametrize("size", [(72, 56), (None, None)])
def test_golden_logits(golden, name, size):
    golden = golden(name)
    model = micro(golden, input_shape=(*size, 3))
    np.testing.assert_allclose(
        model.predict(golden.x, verbose=0), golden.logits, rtol=0, atol=TOLERANCE
    )
    one = model.predict(golden.x[:1], verbose=0)
    np.testing.assert_allclose(one, golden.logits[:1], rtol=0, atol=TOLERANCE)


def test_golden_stages(golden):
    golden = golden("cvt_micro_hf")
    taps = models.features(micro(golden)).predict(golden.x, verbose=0)
    assert list(taps) == ["stage1", "stage2", "stage3"]
    for number, expected in enumerate(golden.taps.values(), start=1):
        np.testing.assert_allclose(
            taps[f"stage{number}"], expected, rtol=0, atol=TOLERANCE
        )


@pytest.mark.backend_independent
def test_both_name_maps_load_the_same(golden):
    official, hub = (
        micro(golden(f"cvt_micro_{name}")).get_weights() for name in ("official", "hf")
    )
    for a, b in zip(official, hub, strict=True):
        np.testing.assert_array_equal(a, b)


def test_training_mode_and_gradients(golden, gradients, assert_torch_gradients):
    """Batch statistics in the forward pass, and the gradient of every weight."""
    recorded = golden("cvt_micro_training")
    golden = golden("cvt_micro_hf")
    direction = keras.ops.convert_to_tensor(recorded.direction)
    model = micro(golden)
    found = gradients(
        model,
        golden.x,
        lambda logits: keras.ops.sum(logits * direction),
        training=True,
    )
    assert len(recorded.group("norm/")) == len(found)
    assert_torch_gradients(model, found, recorded, TRANSFORMERS, relative=1e-3)
    out = keras.ops.convert_to_numpy(micro(golden)(golden.x, training=True))
    np.testing.assert_allclose(out, recorded.logits, rtol=0, atol=TOLERANCE)


@pytest.mark.backend_independent
def test_drop_path_acts_in_the_last_stage_from_zero():
    model = models.CvT13(input_shape=(32, 32, 3))
    rates = {
        layer.name: layer.rate
        for layer in model.layers
        if layer.name.endswith("drop_path")
    }
    assert len(rates) == 18  # two branches of blocks 2 to 10 of stage 3
    for block in range(2, 11):
        for branch in ("attention", "mlp"):
            name = f"stage3_block{block}_{branch}_drop_path"
            assert math.isclose(rates[name], 0.1 * (block - 1) / 9)


@pytest.mark.backend_independent
def test_initial_weights():
    model = models.CvT13(input_shape=(32, 32, 3))
    values = {v.path: keras.ops.convert_to_numpy(v) for v in model.variables}
    limits = {
        "stage1_embedding/conv/kernel": 147**-0.5,
        "stage1_embedding/conv/bias": 147**-0.5,
        "stage3_block1_attention_key/conv/kernel": 1 / 3,
    }
    for path, limit in limits.items():
        assert np.abs(values[path]).max() <= limit
        assert np.isclose(values[path].std(), limit / 3**0.5, rtol=0.2), path
    linear = values["stage3_block4_mlp_expand/kernel"]
    assert np.isclose(linear.std(), 0.02, rtol=0.02)
    assert np.abs(linear).max() > 0.06  # a normal that is not cut at two sigma
    assert not values["stage3_block4_mlp_expand/bias"].any()


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    "field, value",
    [
        ("depths", (2, 1, 1)),
        ("widths", (32, 32, 48)),
        ("heads", (2, 2, 3)),
        ("kernels", (5, 3, 3)),
        ("strides", (2, 2, 2)),
        ("paddings", (3, 1, 1)),
        ("key_value_strides", (1, 2, 2)),
        ("projections", ("avg", "conv", "conv")),
        ("position_embedding", (False, True, False)),
        ("class_token", False),
        ("mlp_ratio", 2),
        ("activation", "gelu"),
        ("drop_path_rate", 0.5),
    ],
)
def test_every_field_changes_the_model(field, value, facts):
    small = {"widths": (16, 32, 48), "heads": (1, 2, 3), "depths": (1, 1, 2)}
    small["input_shape"] = (48, 40, 3)
    assert facts(models.CvT(**small)) != facts(models.CvT(**small | {field: value}))


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    "fields, message",
    [
        ({"depths": (1, 2)}, "depths takes 3 values"),
        ({"heads": (1, 3, 5)}, "5 heads do not divide 384"),
        ({"activation": "swish"}, "activation must be one of"),
        ({"projections": ("conv", "conv", "dw")}, "projections must be one of"),
        ({"input_shape": (2, 32, 3)}, "too small"),
        ({"pooling": "mean"}, "pooling must be one of"),
        ({"classes": 0}, "classes must be 1 or more"),
        (
            {"input_shape": (None, None, 3), "position_embedding": (True,) * 3},
            "fixed input_shape",
        ),
    ],
)
def test_bad_settings_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        models.CvT13(**fields)


@pytest.mark.backend_independent
def test_blocks_of_a_stage_may_differ(tmp_path, randomise):
    """Ratios and strides per block, as in a searched CvT: counted by hand."""
    fields = {
        "depths": (1, 1, 2),
        "widths": (8, 12, 16),
        "heads": (1, 2, 2),
        "input_shape": (32, 32, 3),
        "classes": 3,
    }
    plain = models.CvT(**fields, mlp_ratio=2)
    searched = models.CvT(
        **fields, mlp_ratio=(2, 2, (1, 3)), key_value_strides=(2, 1, (2, 1))
    )
    dense_of = {
        m: m.get_layer("stage3_block2_mlp_expand").units for m in (plain, searched)
    }
    assert list(dense_of.values()) == [32, 48]
    assert searched.get_layer("stage3_block1_mlp_expand").units == 16
    assert searched.get_layer("stage3_block2_attention_key").strides == 1
    assert searched.get_layer("stage3_block1_attention_key").strides == 2

    def count(model):
        return sum(int(np.prod(v.shape)) for v in model.trainable_variables)

    # Per hidden unit: 16 weights in, a bias, 16 weights out. 16 fewer, 16 more.
    assert count(searched) - count(plain) == (48 + 16 - 2 * 32) * 33
    wider = models.CvT(**fields, mlp_ratio=(2, 2, (2, 3)))
    assert count(wider) - count(plain) == 16 * 33
    randomise(searched).save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(
        *(np.asarray(keras.ops.convert_to_numpy(m(x))) for m in (searched, again))
    )


@pytest.mark.backend_independent
@pytest.mark.parametrize("value", [(2, 2, (1, 2, 3)), (2, 2, (1,))])
def test_one_value_per_block(value):
    with pytest.raises(ValueError, match="mlp_ratio takes one value or 10, one per b"):
        models.CvT(mlp_ratio=value)
