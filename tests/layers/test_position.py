"""The position table and its bicubic resize, which must be torch's."""

import math

import keras
import numpy as np
import pytest

from keras_hybrid.layers import PositionEmbedding
from keras_hybrid.ops import resize_grid

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("size", [(24, 24), (12, 12), (6, 20)])
def test_resize_is_torchs(size):
    grid = np.random.default_rng(0).normal(size=(14, 14, 3)).astype("float32")
    expected = torch.nn.functional.interpolate(
        torch.tensor(grid).permute(2, 0, 1)[None],
        size,
        mode="bicubic",
        align_corners=False,
    )[0].permute(1, 2, 0)
    found = keras.ops.convert_to_numpy(resize_grid(grid, size))
    np.testing.assert_allclose(found, expected.numpy(), atol=5e-6)


@pytest.mark.parametrize("class_token", [False, True])
def test_weights_of_one_grid_load_into_another(class_token, tmp_path):
    def build(grid):
        x = keras.Input((grid[0] * grid[1] + class_token, 8))
        out = PositionEmbedding(grid, class_token, name="position")(x)
        return keras.Model(x, out)

    source, target = build((4, 4)), build((6, 3))
    source.save_weights(tmp_path / "w.weights.h5")
    target.load_weights(tmp_path / "w.weights.h5")
    old, new = (
        keras.ops.convert_to_numpy(m.get_layer("position").table)
        for m in (source, target)
    )
    first = int(class_token)
    np.testing.assert_array_equal(new[:, :first], old[:, :first])
    resized = resize_grid(old[0, first:].reshape(4, 4, 8), (6, 3))
    np.testing.assert_allclose(
        new[0, first:].reshape(6, 3, 8), keras.ops.convert_to_numpy(resized), atol=1e-6
    )


@pytest.mark.parametrize(
    ("grid", "rows", "known"),
    [
        ((4, 4), 36, True),
        ((4, 4), 15, False),  # 3x5
        ((4, 4), 66, False),  # 6x11
        ((4, 9), 36, False),  # its own, or 6x6
        ((8, 18), 36, False),
        ((5, 9), 36, True),
        ((3, 3), 9, True),
    ],
)
def test_a_grid_is_not_guessed(grid, rows, known):
    layer = PositionEmbedding(grid)
    layer.build((None, math.prod(grid), 8))
    table = np.random.default_rng(0).normal(size=(1, rows, 8)).astype("float32")
    if known:
        assert layer.fit_table(table).shape == (1, math.prod(grid), 8)
        return
    with pytest.raises(ValueError, match=r"may be a grid of \d+x\d+.*--grid"):
        layer.fit_table(table)
    if rows == 36:
        same = layer.fit_table(table, (4, 9))
        other = layer.fit_table(table, (6, 6))
        assert np.abs(np.asarray(same) - np.asarray(other)).max() > 0.1


def test_a_table_of_another_length_than_the_grid_is_refused():
    layer = PositionEmbedding((4, 4))
    layer.build((None, 16, 8))
    with pytest.raises(ValueError, match="15 positions are no 4x4 grid"):
        layer.fit_table(np.zeros((1, 15, 8)), (4, 4))
