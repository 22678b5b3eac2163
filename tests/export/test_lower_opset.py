"""Graphs of opset 18 give the same values as graphs of opset 17."""

import numpy as np
import pytest

from keras_hybrid.export.lower_opset import to_opset_17

onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.backend_independent

PIXELS = np.arange(12, dtype="float32").reshape(1, 3, 4)


def graph(*nodes, **constants):
    """A model of opset 18 that turns `x` into `y`."""
    float32 = onnx.TensorProto.FLOAT
    return onnx.helper.make_model(
        onnx.helper.make_graph(
            nodes,
            "graph",
            [onnx.helper.make_tensor_value_info("x", float32, [1, 3, 4])],
            [onnx.helper.make_tensor_value_info("y", float32, ["rows", "columns"])],
            [
                onnx.numpy_helper.from_array(np.array(value), name)
                for name, value in constants.items()
            ],
        ),
        opset_imports=[onnx.helper.make_opsetid("", 18)],
        ir_version=8,
    )


def answer(model):
    runtime = pytest.importorskip("onnxruntime")
    onnx.checker.check_model(model, full_check=True)
    session = runtime.InferenceSession(model.SerializeToString())
    return session.run(None, {"x": PIXELS})[0]


def test_padding_and_means_keep_their_values():
    model = graph(
        onnx.helper.make_node("Pad", ["x", "widths"], ["padded"]),
        onnx.helper.make_node("ReduceMean", ["padded", "axes"], ["y"], keepdims=0),
        widths=[0, 1, 0, 0, 0, 2],
        axes=[1],
    )
    expected = answer(model)
    to_opset_17(model)
    assert [x.version for x in model.opset_import] == [17]
    np.testing.assert_array_equal(answer(model), expected)
    assert [x.name for x in model.graph.initializer] == ["widths"]


def test_what_opset_17_lacks_is_named():
    padding = onnx.helper.make_node("Pad", ["x", "widths", "", "axes"], ["y"])
    with pytest.raises(ValueError, match=r"no equal of Pad.*--opset 18"):
        to_opset_17(graph(padding, widths=[1, 1], axes=[1]))
