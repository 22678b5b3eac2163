"""Receptive fields, rank, equivariance, special cases and sizes."""

import keras
import numpy as np
import pytest

from keras_hybrid import layers, models
from keras_hybrid.analysis import (
    breakdown,
    equivariance_errors,
    field_statistics,
    periodic_copy,
    rank_profile,
    rank_table,
    receptive_fields,
    relative_residual,
    size_by_type,
    size_table,
)
from keras_hybrid.analysis.hypotheses import (
    attention_then_convolution,
    special_case_errors,
)
from keras_hybrid.analysis.special_cases import atc_as_cvt, difference
from tests.analysis.conftest import GRID, build, slow_on_jax
from tests.small import SMALL, small

THIN = SMALL["ATC"][0] | {"depths": (1, 1, 1)}


def convolution():
    """A 3x3 convolution with a feature output, and its kernel in float64."""
    x = keras.Input((8, 10, 2))
    layer = layers.PaddedConv2D(3, 3)
    model = keras.Model(x, layers.FeatureOutput(name="map")(layer(x)))
    kernel = np.random.default_rng(5).normal(size=(3, 3, 2, 3))
    layer.kernel.assign(kernel)
    return model, kernel


@pytest.mark.backend_independent
def test_field_of_a_convolution():
    """The gradient at the center is the kernel times the random combination."""
    model, kernel = convolution()
    found = receptive_fields(model, np.zeros((4, 8, 10, 2), "float32"), seed=7)["map"]
    directions = np.random.default_rng(7).normal(size=(4, 3))
    gradient = np.einsum("ijco,bo->bijc", kernel, directions)
    expected = np.zeros((8, 10))
    expected[3:6, 4:7] = np.sqrt((gradient**2).sum(axis=-1).mean(axis=0))
    np.testing.assert_allclose(found, expected / expected.sum(), rtol=1e-5)
    assert field_statistics(found)["support"] == 9 / 80


@pytest.mark.backend_independent
def test_field_statistics():
    even = np.full((6, 4), 1 / 24)
    found = field_statistics(even, share=0.5)
    np.testing.assert_allclose([found["support"], found["radius"]], 1)
    assert found["area"] == 12 / 24
    point = np.zeros((6, 4))
    point[2, 1], point[5, 1] = 0.75, 0.25
    found = field_statistics(point, share=0.7)
    assert (found["support"], found["area"]) == (2 / 24, 1 / 24)
    spread = np.sqrt(0.75 * 0.75**2 + 0.25 * 2.25**2)  # around row 2.75
    even = np.sqrt((6**2 - 1) / 12 + (4**2 - 1) / 12)
    np.testing.assert_allclose(found["radius"], spread / even)
    assert set(field_statistics(np.zeros((2, 2))).values()) == {0.0}


@pytest.mark.backend_independent
@slow_on_jax
def test_first_hypothesis():
    """Only the convolution after attention depends on every pixel."""
    images = np.random.default_rng(0).uniform(0, 255, (2, 16, 16, 3)).astype("float32")
    rows = attention_then_convolution(images, **THIN)
    found = {(row["network"], row["feature"]): row for row in rows}
    assert found["ATC", "convolution"]["support"] == 1.0
    # a 3x3 embedding and a 3x3 convolution
    for network in ("convolution first", "CvT"):
        assert found[network, "convolution"]["support"] == 25 / 256
    sizes = {row["network"]: row["parameters"] for row in rows}
    assert sizes["ATC"] == sizes["convolution first"]
    assert {row["feature"] for row in rows} == {
        "convolution",
        "stage1",
        "stage2",
        "stage3",
    }


@pytest.mark.backend_independent
@slow_on_jax
def test_fourth_hypothesis():
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    for row in special_case_errors(images, **THIN):
        assert row["difference"] < 1e-5
    atc, cvt = atc_as_cvt(**THIN)
    bias = cvt.get_layer("stage2_block1_mlp_expand").bias
    bias.assign(keras.ops.convert_to_numpy(bias) + 0.1)
    assert difference(atc, cvt, images) > 1e-4


@pytest.mark.backend_independent
def test_relative_residual():
    """The composite norm, element by element."""

    def norm(x):
        columns = max(sum(abs(v) for v in column) for column in x.T)
        return np.sqrt(columns * max(sum(abs(v) for v in row) for row in x))

    x = np.random.default_rng(0).normal(size=(5, 3)) + 1
    rest = np.array([row - sum(x) / 5 for row in x])
    np.testing.assert_allclose(relative_residual(x), norm(rest) / norm(x))
    np.testing.assert_allclose(relative_residual(np.ones((4, 3))), 0, atol=1e-12)


@pytest.mark.backend_independent
@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("feed_forward", [True, False])
def test_rank_of_convit_is_that_of_numpy(convit, skip, feed_forward):
    model, numpy_model, images = convit
    found = rank_profile(model, images, skip, feed_forward)
    outputs = [
        numpy_model.run(image, GRID, skip, feed_forward)[1]
        for image in images.astype("float64")
    ]
    for number in range(3):
        expected = np.mean([relative_residual(blocks[number]) for blocks in outputs])
        np.testing.assert_allclose(found[f"block{number + 1}"], expected, rtol=1e-3)
    assert list(found) == ["block1", "block2", "block3"]


@pytest.mark.backend_independent
@slow_on_jax
def test_rank_falls_without_skip_connections():
    """Dong et al.'s finding, on fresh weights; and single tokens are left out."""
    model = small("ceit_tiny", depth=4)
    shape = (2, *model.input_shape[1:])
    images = np.random.default_rng(0).uniform(0, 255, shape).astype("float32")
    rows = rank_table(model, images)
    assert [row["block"] for row in rows] == ["block1", "block2", "block3"]
    assert rows[-1]["full model"] > 0.1
    assert rows[-1]["attention only"] < 0.01


def test_equivariance_errors_of_a_convolution():
    """Zeros at the border against the rolled map, in float64."""
    model, kernel = convolution()
    images = np.random.default_rng(1).normal(size=(2, 8, 10, 2)).astype("float32")

    def convolve(x):
        x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
        return np.einsum("bhwcij,ijco->bhwo", windows, kernel)

    bias = keras.ops.convert_to_numpy(model.layers[1].bias).astype("float64")
    still, moved = (
        convolve(x.astype("float64")) + bias
        for x in (images, np.roll(images, (2, 2), axis=(1, 2)))
    )
    gap = (moved - np.roll(still, (2, 2), axis=(1, 2))) / still.std()
    (row,) = equivariance_errors(model, images, shifts=(2,))
    assert (row["shift"], row["stage"], row["stride"]) == (2, "map", 1)
    np.testing.assert_allclose(row["error"], abs(gap).max(), rtol=1e-4)
    np.testing.assert_allclose(row["rms"], np.sqrt((gap**2).mean()), rtol=1e-4)


@slow_on_jax
def test_astroformer_is_equivariant_only_with_circular_padding(randomise):
    model = randomise(small("astroformer0", drop_path_rate=0.0))
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    periodic = periodic_copy(model)
    plain, circular = (
        {(r["shift"], r["stage"]): r["error"] for r in equivariance_errors(m, images)}
        for m in (model, periodic)
    )
    stages = ["stem", "stage1", "stage2", "stage3", "stage4"]
    for number, stage in enumerate(stages):
        for shift in (32, 16, 8, 4, 2, 1):
            assert ((shift, stage) in circular) == (shift % 2 ** (number + 1) == 0)
        assert circular[32, stage] < 1e-4 and plain[32, stage] > 0.1
    assert circular[32, "logits"] < 1e-4
    assert circular[1, "logits"] > 1e-3 and plain[32, "logits"] > 1e-3
    with pytest.raises(ValueError, match="could be made periodic"):
        periodic_copy(periodic)


@slow_on_jax
def test_periodic_table_keeps_the_shorter_offsets(randomise):
    """The bias is unchanged for offsets that do not cross the border."""
    model = randomise(small("astroformer0", size=(96, 160), drop_path_rate=0.0))
    name = "stage4_block1_attention"
    plain, circular = (
        keras.ops.convert_to_numpy(m.get_layer(name).position(np.zeros((1, 3, 5, 32))))
        for m in (model, periodic_copy(model))
    )
    plain, circular = (x[0].reshape(-1, 3, 5, 3, 5) for x in (plain, circular))
    near = circular[:, 1, 2]  # from the middle no offset is shorter across the border
    np.testing.assert_array_equal(near, plain[:, 1, 2])
    # from (0, 0) to (2, 4) the shorter offset is one up and one to the left
    np.testing.assert_array_equal(circular[:, 0, 0, 2, 4], plain[:, 1, 1, 0, 0])


@pytest.mark.backend_independent
def test_sizes(quick_start):
    rows = size_table(models.ConViTTiny(input_shape=(32, 32, 3), patch_size=4))
    assert [row["network"] for row in rows] == [
        "this model",
        "convit_tiny",
        "paper",
    ]
    assert rows[1]["parameters (M)"] == 5.711 and rows[2]["parameters (M)"] == 6.0
    assert rows[2]["multiply-adds (M)"] == 1000.0
    assert rows[0]["input"] == "32x32x3" and rows[0]["parameters (M)"] < 5.711
    assert size_table(models.ATC3())[2]["multiply-adds (M)"] == "-"
    assert len(size_table(build())) == 1


@pytest.mark.backend_independent
def test_sizes_by_type_add_up():
    costs = breakdown(small("atc3"))
    rows = size_by_type(costs)
    for key in ("parameters", "macs"):
        assert sum(row[key] for row in rows) == sum(getattr(c, key) for c in costs)
    assert [row["macs"] for row in rows] == sorted(
        (r["macs"] for r in rows), reverse=True
    )
    units = next(row for row in rows if row["kind"] == "SeparableUnit")
    assert units["layers"] == 6
