"""D_loc, gates and centers against NumPy and the values of the reference networks."""

import keras
import numpy as np
import pytest

from keras_hybrid import layers
from keras_hybrid.analysis import (
    attention_centers,
    attention_maps,
    d_loc,
    gate_overrides,
    gates,
    masked,
    masking_effect,
    nonlocality,
)
from keras_hybrid.analysis.locality import distances
from tests.analysis import reference
from tests.analysis.conftest import GRID, build
from tests.small import small

pytestmark = pytest.mark.backend_independent

BLOCKS = [f"block{i}_attention" for i in (1, 2, 3)]


def position_nonlocality(heads, grid, locality_strength=1.0):
    """D_loc of positional attention with GPSA's initial weights, `(heads,)`."""
    layer = layers.GatedPositionalAttention(heads, locality_strength)
    layer.build((None, *grid, heads))
    weights = keras.ops.convert_to_numpy(layer.position_weights(*grid))
    return nonlocality(weights, grid)


def test_d_loc_in_the_papers_mode(convit):
    model, numpy_model, images = convit
    found = d_loc(model, images, batch_size=1)
    assert list(found) == BLOCKS
    maps = [numpy_model.run(image, GRID)[0] for image in images.astype("float64")]
    for number, name in enumerate(BLOCKS):
        expected = []
        for image in maps:
            weights = image[number]
            if number == 2:  # the class token's row and column out, rows to 1 again
                weights = weights[:, 1:, 1:]
                weights = weights / weights.sum(axis=-1, keepdims=True)
            expected.append([reference.d_loc(w, GRID[1]) for w in weights])
        np.testing.assert_allclose(found[name], np.mean(expected, axis=0), rtol=1e-4)
    left = d_loc(model, images, renormalize=False)["block3_attention"]
    raw = [[reference.d_loc(w[1:, 1:], GRID[1]) for w in m[2]] for m in maps]
    np.testing.assert_allclose(left, np.mean(raw, axis=0), rtol=1e-4)
    assert (left < found["block3_attention"]).all()


def test_d_loc_in_the_codes_mode(convit):
    """Every layer is fed the patch embedding: no position, norm or class token."""
    model, numpy_model, images = convit
    found = d_loc(model, images, mode="patch_embedding")
    for number, name in enumerate(BLOCKS, start=1):
        expected = [
            [
                reference.d_loc(w, GRID[1])
                for w in numpy_model.attention(x, number, GRID)
            ]
            for x in map(numpy_model.patches, images.astype("float64"))
        ]
        np.testing.assert_allclose(found[name], np.mean(expected, axis=0), rtol=1e-4)
    assert abs(found[BLOCKS[1]] - d_loc(model, images)[BLOCKS[1]]).max() > 0.01


def test_distances_to_strided_keys():
    found = distances((3, 5), (2, 3)).reshape(3, 5, 2, 3)
    for (y, x, i, j), value in np.ndenumerate(found):
        np.testing.assert_allclose(value, np.hypot(2 * i - y, 2 * j - x))


def test_uniform_attention_has_the_reference_value():
    even = np.full((196, 196), 1 / 196)
    np.testing.assert_allclose(nonlocality(even, (14, 14)), 7.280764, atol=5e-7)
    even = np.full((64, 64), 1 / 64)
    np.testing.assert_allclose(nonlocality(even, (8, 8)), 4.1365, atol=5e-5)


@pytest.mark.parametrize(
    "heads, grid, expected",
    [
        (4, 14, [0.9860] * 4),
        (9, 14, [1.4846, 1.1657] * 2 + [0.7594] + [1.1657, 1.4846] * 2),
        (4, 8, [0.9374] * 4),
    ],
)
def test_positional_attention_at_initialization(heads, grid, expected):
    found = position_nonlocality(heads, (grid, grid))
    np.testing.assert_allclose(found, expected, atol=6e-5)


@pytest.mark.parametrize(
    "strength, mean", [(0.01, 5.9014), (0.1, 2.6617), (1, 1.2623), (10, 1.0137)]
)
def test_mean_over_the_heads_by_strength(strength, mean):
    found = position_nonlocality(9, (14, 14), strength)
    np.testing.assert_allclose(found.mean(), mean, atol=6e-5)


@pytest.mark.parametrize("heads, start", [(4, 2.679), (9, 2.881), (16, 3.100)])
def test_initial_gates_with_uniform_content(heads, start):
    gate = 1 / (1 + np.exp(-1))
    position = position_nonlocality(heads, (14, 14)).mean()
    np.testing.assert_allclose(
        gate * position + (1 - gate) * 7.280764, start, atol=6e-4
    )
    x = keras.Input((14, 14, heads))
    layer = layers.GatedPositionalAttention(heads)
    model = keras.Model(x, layer(x, x, x))
    zeros = np.zeros((1, 14, 14, heads), "float32")  # uniform content attention
    found = d_loc(model, zeros)[layer.name].mean()
    np.testing.assert_allclose(found, start, atol=6e-4)


def test_strong_locality_is_a_shift_that_stops_at_the_border():
    layer = layers.GatedPositionalAttention(9, locality_strength=60.0)
    layer.build((None, 4, 5, 9))
    weights = keras.ops.convert_to_numpy(layer.position_weights(4, 5))
    lengths = []
    for head in range(9):
        dx, dy = head // 3 - 1, head % 3 - 1
        expected = np.zeros((20, 20))
        for y in range(4):
            for x in range(5):
                target = min(max(y + dy, 0), 3) * 5 + min(max(x + dx, 0), 4)
                expected[y * 5 + x, target] = 1
        np.testing.assert_allclose(weights[head], expected, atol=1e-6)
        lengths.append(reference.d_loc(expected, 5))
    found = position_nonlocality(9, (4, 5), 60.0)
    np.testing.assert_allclose(found, lengths, atol=1e-5)


def test_gates_and_centers(convit):
    model, numpy_model, _ = convit
    for name in BLOCKS[:2]:
        gate = numpy_model.weights[f"{name}/gate"]
        np.testing.assert_allclose(gates(model)[name], reference.sigmoid(gate), 1e-6)
        kernel = numpy_model.weights[f"{name}/position_kernel"]
        centers = attention_centers(model)[name]
        for head, (w_x, w_y, w_d) in enumerate(kernel.T):
            span = -1 / w_d
            np.testing.assert_allclose(centers.strength[head], -w_d)
            np.testing.assert_allclose(centers.dx[head], w_x * span / 2)
            np.testing.assert_allclose(centers.dy[head], w_y * span / 2)
            length = np.hypot(w_x, w_y) * abs(span) / 2
            np.testing.assert_allclose(centers.distance[head], length)
    started = attention_centers(build(heads=9, width=36))[BLOCKS[0]]
    np.testing.assert_allclose(started.dx, [-1, -1, -1, 0, 0, 0, 1, 1, 1])
    np.testing.assert_allclose(started.dy, [-1, 0, 1] * 3)


def test_a_head_that_repels_has_no_center(convit):
    model, _, _ = convit
    kernel = model.get_layer(BLOCKS[0]).position_kernel
    values = keras.ops.convert_to_numpy(kernel).copy()
    values[2, 1] = 0.5
    kernel.assign(values)
    centers = attention_centers(model)[BLOCKS[0]]
    assert np.isnan(centers.distance[1]) and centers.strength[1] == -0.5
    assert np.isfinite(centers.distance[[0, 2, 3]]).all()


def test_gate_overrides(convit):
    model, _, images = convit
    before = gates(model)
    values = {BLOCKS[0]: 1.0, BLOCKS[1]: [0.0, 0.25, 0.5, 1.0]}
    with gate_overrides(model, values):
        np.testing.assert_allclose(gates(model)[BLOCKS[0]], 1)
        np.testing.assert_allclose(gates(model)[BLOCKS[1]], values[BLOCKS[1]])
        first = attention_maps(model, images)[0].weights
        position = model.get_layer(BLOCKS[0]).position_weights(*GRID)
        position = keras.ops.convert_to_numpy(position)
        np.testing.assert_allclose(first, np.stack([position] * 2), atol=1e-6)
    np.testing.assert_array_equal(gates(model)[BLOCKS[0]], before[BLOCKS[0]])
    with (
        pytest.raises(ValueError, match="no GPSA layer"),
        gate_overrides(model, {"x": 1}),
    ):
        pass
    with (
        pytest.raises(ValueError, match="Gates must lie"),
        gate_overrides(model, {BLOCKS[0]: 1.5}),
    ):
        pass


def test_masks(convit):
    model, _, images = convit
    whole = model.predict(images, verbose=0)
    gate = gates(model)
    with masked(model, "position", 1):
        np.testing.assert_allclose(gates(model)[BLOCKS[0]], 0)
        np.testing.assert_array_equal(gates(model)[BLOCKS[1]], gate[BLOCKS[1]])
        assert abs(model.predict(images, verbose=0) - whole).max() > 1e-3
    with masked(model, "position_embedding"):
        table = keras.ops.convert_to_numpy(model.get_layer("position").table)
        assert not table.any()
    np.testing.assert_array_equal(model.predict(images, verbose=0), whole)
    with pytest.raises(ValueError, match="mask must be one of"), masked(model, "gates"):
        pass


def test_masking_effect(convit):
    model, _, _ = convit
    rng = np.random.default_rng(3)
    images = rng.uniform(0, 255, (24, 32, 24, 3)).astype("float32")
    labels = rng.integers(0, 5, 24)
    rows = masking_effect(model, images, labels)
    assert [(row["mask"], row["layers"]) for row in rows] == [
        ("none", 0),
        ("content", 1),
        ("content", 2),
        ("position", 1),
        ("position", 2),
        ("position_embedding", 0),
    ]
    whole = model.predict(images, verbose=0).argmax(axis=1)
    assert rows[0]["agreement"] == 1.0
    assert rows[0]["accuracy"] == (whole == labels).mean()
    with gate_overrides(model, {name: 1.0 for name in BLOCKS[:2]}):
        predicted = model.predict(images, verbose=0).argmax(axis=1)
    assert rows[2]["agreement"] == (predicted == whole).mean()
    assert rows[2]["accuracy"] == (predicted == labels).mean()


def test_models_without_locality(convit):
    with pytest.raises(ValueError, match="mode must be one of"):
        d_loc(convit[0], convit[2], mode="paper")
    other = small("atc3")
    with pytest.raises(ValueError, match="no patch embedding"):
        d_loc(other, None, mode="patch_embedding")
    with pytest.raises(ValueError, match="no GPSA layer"):
        gates(other)
