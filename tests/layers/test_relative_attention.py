"""Relative attention against its formula, and its bias against timm's rule."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_hybrid.layers import RelativeAttention, RelativePositionBias
from keras_hybrid.ops import resize_offsets
from tests.golden import record_coatnet as record

GRID = (3, 4)


def numpy(x):
    return ops.convert_to_numpy(x)


def built(layer, shape=(None, *GRID, 8), seed=0):
    """The layer with random weights, and an input for it."""
    layer.build(shape)
    rng = np.random.default_rng(seed)
    for variable in layer.weights:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    return layer, rng.normal(size=(2, *shape[1:])).astype("float32")


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def offset(i, j, periodic=False):
    """Offset of query i from key j, positions counted row by row."""
    rows, columns = GRID
    y, x = i // columns - j // columns, i % columns - j % columns
    return (y % rows, x % columns) if periodic else (y + rows - 1, x + columns - 1)


@pytest.mark.parametrize("periodic", [False, True])
def test_bias_is_the_table_at_the_offset(periodic):
    layer, x = built(RelativePositionBias(2, periodic=periodic))
    table, bias = numpy(layer.table), numpy(layer(x))
    assert table.shape == (*GRID, 2) if periodic else (5, 7, 2)
    assert bias.shape == layer.compute_output_shape(x.shape) == (1, 2, 12, 12)
    for i in range(12):
        for j in range(12):
            expected = table[offset(i, j, periodic)]
            np.testing.assert_array_equal(bias[0, :, i, j], expected)


@pytest.mark.parametrize("source", ["table", "mlp"])
def test_bias_is_toeplitz(source):
    layer, x = built(RelativePositionBias(2, source, mlp_width=5))
    bias = numpy(layer(x)).reshape((2, *GRID, *GRID))
    np.testing.assert_array_equal(bias[:, 1:, :, 1:, :], bias[:, :-1, :, :-1, :])
    np.testing.assert_array_equal(bias[:, :, 1:, :, 1:], bias[:, :, :-1, :, :-1])
    assert np.ptp(bias) > 0.1


@pytest.mark.parametrize("bias_position", ["before", "after"])
@pytest.mark.parametrize("source", ["table", "mlp"])
def test_formula(bias_position, source):
    layer = RelativeAttention(
        12, 8, 4, source, mlp_width=5, bias_position=bias_position
    )
    layer, x = built(layer)
    kernel, bias = numpy(layer.qkv.kernel), numpy(layer.qkv.bias)
    tokens = x.reshape(2, 12, 8)
    q, k, v = (
        y.reshape(2, 12, 2, 4).transpose(0, 2, 1, 3)
        for y in np.split(tokens @ kernel + bias, 3, axis=-1)
    )
    position = numpy(layer.position(x))
    scores = q @ k.transpose(0, 1, 3, 2) / 2
    weights = softmax(scores + position)
    if bias_position == "after":
        weights = softmax(scores) + position
    out = (weights @ v).transpose(0, 2, 1, 3).reshape(2, 12, 8)
    out = out @ numpy(layer.project.kernel) + numpy(layer.project.bias)
    np.testing.assert_allclose(
        numpy(layer(x)), out.reshape(2, *GRID, 12), atol=2e-5, rtol=1e-5
    )
    assert layer.compute_output_shape(x.shape) == (2, *GRID, 12)
    config = {k: v for k, v in layer.get_config().items() if k not in ("name", "dtype")}
    clone = RelativeAttention(**config)
    clone.build(x.shape)
    clone.set_weights(layer.get_weights())
    np.testing.assert_array_equal(numpy(clone(x)), numpy(layer(x)))


def test_mlp_reads_signed_logarithms():
    layer, x = built(RelativePositionBias(2, "mlp", mlp_width=5))
    bias = numpy(layer(x))
    expand, project = layer.mlp_expand, layer.mlp_project
    for i, j in ((0, 11), (11, 0), (5, 5), (7, 2)):
        d = np.subtract(offset(i, j), (GRID[0] - 1, GRID[1] - 1))
        c = np.sign(d) * np.log1p(abs(d))
        hidden = np.maximum(c @ numpy(expand.kernel) + numpy(expand.bias), 0)
        expected = hidden @ numpy(project.kernel) + numpy(project.bias)
        np.testing.assert_allclose(bias[0, :, i, j], expected, atol=1e-5)
    assert not np.array_equal(numpy(layer(x, training=True)), bias)  # dropout


@pytest.mark.parametrize(("old", "new"), record.GRIDS)
def test_resize_is_timms_rule(old, new, golden):
    side = 2 * old - 1
    table = np.random.RandomState(old).normal(size=(side, side, 3)).astype("float32")
    resized = numpy(resize_offsets(table, (2 * new - 1,) * 2))
    expected = golden("offset_tables").arrays[f"{old}->{new}"]
    np.testing.assert_allclose(resized, expected, atol=1e-6)


def test_resize_takes_each_axis_by_its_own():
    table = np.random.default_rng(0).normal(size=(5, 7, 2)).astype("float32")
    rows = np.apply_along_axis(record.resized, 0, table, 5)
    both = np.apply_along_axis(record.resized, 1, rows, 2)
    np.testing.assert_allclose(numpy(resize_offsets(table, (9, 3))), both, atol=1e-6)
    constant = numpy(resize_offsets(np.ones((1, 1, 2), "float32"), (5, 7)))
    np.testing.assert_array_equal(constant, np.ones((5, 7, 2)))


def test_tables_that_do_not_fit():
    layer, _ = built(RelativePositionBias(2))
    assert layer.fit_table(np.zeros((35, 2), "float32")).shape == (5, 7, 2)
    assert layer.fit_table(np.zeros((9, 2), "float32")).shape == (5, 7, 2)
    with pytest.raises(ValueError, match="10 offsets"):
        layer.fit_table(np.zeros((10, 2), "float32"))
    layer, _ = built(RelativePositionBias(2, periodic=True))
    with pytest.raises(ValueError, match="periodic table of 3x3"):
        layer.fit_table(np.zeros((9, 2), "float32"))


def test_wrong_arguments():
    with pytest.raises(ValueError, match="source must be"):
        RelativePositionBias(2, "sine")
    with pytest.raises(ValueError, match="bias_position must be"):
        RelativeAttention(8, bias_position="within")
    with pytest.raises(ValueError, match="heads of 32 channels do not make up 40"):
        RelativeAttention(40)
    with pytest.raises(ValueError, match="fixed height and width"):
        RelativeAttention(32).build((None, None, 4, 8))


def test_macs_count_every_product():
    layer = RelativeAttention(12, 8, 4)
    assert layer.macs((None, 3, 4, 6)) == 12 * 6 * 24 + 2 * 12 * 12 * 8 + 12 * 8 * 12


@pytest.mark.parametrize("bias_position", ["before", "after"])
def test_litert_file_has_only_builtin_operations(bias_position, tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("LiteRT files are written from TensorFlow")
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    layer, x = built(RelativeAttention(8, head_width=4, bias_position=bias_position))
    image = keras.Input((*GRID, 8), batch_size=1)
    path = str(tmp_path / "layer.tflite")
    keras.Model(image, layer(image)).export(path, format="litert", verbose=False)
    interpreter = litert.Interpreter(path)
    interpreter.allocate_tensors()
    names = {each["op_name"] for each in interpreter._get_ops_details()}
    assert "SOFTMAX" in names and not any("Flex" in name for name in names), names
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x[:1])
    interpreter.invoke()
    out = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(out, numpy(layer(x[:1])), atol=1e-5)
