"""ATC: the report's parameter counts, and what it contains as special cases."""

import math

import keras
import numpy as np
import pytest

from keras_hybrid import models

SMALL = {"widths": (16, 32, 48), "heads": (1, 2, 3), "depths": (1, 1, 1)}


def count(model, prefix=""):
    return sum(
        math.prod(v.shape)
        for v in model.trainable_variables
        if v.path.startswith(prefix)
    )


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    "builder, parameters, reported",
    [
        (models.ATC3, 2_872_100, 2.9),
        (models.ATC5A, 6_446_372, 6.4),
        (models.ATC5B, 3_347_108, 3.3),
        (models.ATC5C, 2_932_132, 2.9),
        (models.ATC9, 12_045_284, 12.0),
        (models.ATC13, 19_193_828, 19.2),
        (models.ATC15, 19_668_836, 19.7),
        (models.ATCRes3, 3_255_268, 3.3),
        (models.ATCRes15, 20_052_004, 20.1),
    ],
)
def test_parameters_are_those_of_the_report(builder, parameters, reported):
    model = builder()
    assert count(model) == parameters
    assert f"{parameters / 1e6:.1f}" == str(reported)
    assert model.output_shape == (None, 100)


@pytest.mark.backend_independent
def test_parameters_of_each_block():
    model = models.ATC3()
    for stage, size in enumerate((30_016, 237_504, 1_787_136), start=1):
        assert count(model, f"stage{stage}_block1") == size


@pytest.mark.backend_independent
def test_parameters_of_the_literal_text():
    model = models.ATC3(last_stage="atc")
    assert count(model) == 2_001_956
    assert "stage3_class_token" not in [layer.name for layer in model.layers]


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    "fields, parameters",
    [({"attention_output": "linear"}, 2_868_516), ({"embedding": "conv"}, 2_872_100)],
)
def test_parameters_of_table_6(fields, parameters):
    assert count(models.ATC3(**fields)) == parameters


@pytest.mark.backend_independent
def test_linear_configuration_is_cvt():
    """With linear outputs and MLPs, ATC is CvT with a 3x3 stem, weight by weight."""
    atc = models.ATC(attention_output="linear", feed_forward="linear", **SMALL)
    cvt = models.CvT(
        kernels=(3, 3, 3),
        paddings=(1, 1, 1),
        strides=(1, 2, 2),
        input_shape=(32, 32, 3),
        classes=100,
        **SMALL,
    )
    paths = [v.path for v in atc.variables]
    assert paths == [v.path for v in cvt.variables]
    cvt.set_weights(atc.get_weights())
    x = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3))
    np.testing.assert_array_equal(atc.predict(x, verbose=0), cvt.predict(x, verbose=0))


def block(model, stage, x):
    """The input and the two residual sums of a stage's first block."""
    name = f"stage{stage}_block1"
    layers = [f"{name}_attention_norm", f"{name}_attention_add", f"{name}_mlp_add"]
    first, *sums = (model.get_layer(layer) for layer in layers)
    taps = keras.Model(model.inputs, [first.input, *(layer.output for layer in sums)])
    return taps.predict(x, verbose=0)


@pytest.mark.parametrize("stage", [1, 2])
def test_silenced_attention_leaves_a_residual_convolution_block(stage, randomise):
    """Values and offsets zero: x1 == x, and x2 = x + the two convolution units."""
    model = randomise(models.ATC(input_shape=(16, 16, 3), **SMALL))
    name = f"stage{stage}_block1_attention"
    silent = (f"{name}_value/linear", f"{name}_output/")
    for v in model.variables:
        offset = v.path.endswith(("bias", "beta", "moving_mean"))
        if v.path.startswith(silent[0]) or (v.path.startswith(silent[1]) and offset):
            v.assign(np.zeros(v.shape))
    rng = np.random.default_rng(0)
    x0, x1, x2 = block(model, stage, rng.uniform(0, 255, (2, 16, 16, 3)))
    np.testing.assert_array_equal(x1, x0)

    y = x0
    for part in ("norm", "unit1", "activation", "unit2"):
        y = model.get_layer(f"stage{stage}_block1_mlp_{part}")(y)
    np.testing.assert_allclose(x2, x0 + keras.ops.convert_to_numpy(y), atol=1e-5)
    assert np.abs(x2 - x0).max() > 0.1  # and that is something


def test_pointwise_kernels_reduce_atc_to_cvt(randomise):
    """1x1 units fold into dense layers: CvT with MLP ratio 1 and output I + W."""
    atc = randomise(
        models.ATC(
            residual_kernel=1, mlp_ratio=1, unit_activation="quick_gelu", **SMALL
        )
    )
    cvt = models.CvT(
        kernels=(3, 3, 3),
        paddings=(1, 1, 1),
        strides=(1, 2, 2),
        mlp_ratio=1,
        input_shape=(32, 32, 3),
        classes=100,
        **SMALL,
    )
    ours = {v.path: keras.ops.convert_to_numpy(v) for v in atc.variables}
    for v in cvt.variables:
        if v.path in ours:
            v.assign(ours[v.path])
    for stage in (1, 2):
        name = f"stage{stage}_block1"
        for unit, linear, skip in (
            ("attention_output", "attention_output", 1),
            ("mlp_unit1", "mlp_expand", 0),
            ("mlp_unit2", "mlp_project", 0),
        ):
            kernel, bias = fold_unit(ours, f"{name}_{unit}")
            layer = cvt.get_layer(f"{name}_{linear}")
            layer.kernel.assign(kernel + skip * np.eye(len(kernel)))
            layer.bias.assign(bias)
    x = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3))
    np.testing.assert_allclose(
        models.logits(atc).predict(x, verbose=0),
        models.logits(cvt).predict(x, verbose=0),
        atol=2e-5,
    )


def fold_unit(values, name):
    """Depthwise 1x1, BN, linear, BN -> one dense layer (kernel, bias), in float64."""

    def affine(norm):
        gamma, beta, mean, variance = (
            values[f"{name}/{norm}/{part}"].astype("float64")
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        scale = gamma / np.sqrt(variance + 1e-5)
        return scale, beta - mean * scale

    depthwise = values[f"{name}/conv/kernel"][0, 0, :, 0].astype("float64")
    scale, shift = affine("conv_norm")
    offset = values[f"{name}/conv/bias"] * scale + shift
    kernel = values[f"{name}/linear/kernel"].astype("float64")
    bias = offset @ kernel + values[f"{name}/linear/bias"]
    kernel = (depthwise * scale)[:, None] * kernel
    scale, shift = affine("linear_norm")
    return kernel * scale, bias * scale + shift


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    "field, value",
    [
        ("depths", (1, 2, 1)),
        ("widths", (32, 32, 48)),
        ("heads", (2, 2, 3)),
        ("strides", (2, 2, 2)),
        ("key_value_strides", (1, 2, 2)),
        ("stem_kernel", 7),
        ("embedding", "residual"),
        ("attention_output", "linear"),
        ("feed_forward", "linear"),
        ("last_stage", "atc"),
        ("residual_kernel", 5),
        ("unit_activation", "gelu"),
        ("inner_skip", False),
        ("convolution_first", True),
        ("mlp_ratio", 2),
        ("activation", "gelu"),
        ("drop_path_rate", 0.5),
    ],
)
def test_every_field_changes_the_model(field, value, facts):
    small = SMALL | {"depths": (1, 1, 2), "input_shape": (16, 16, 3)}
    assert facts(models.ATC(**small)) != facts(models.ATC(**small | {field: value}))
