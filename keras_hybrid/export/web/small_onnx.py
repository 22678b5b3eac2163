"""ONNX files with weights in fewer bits, which compute in float32.

A runtime turns the weights into float32 once, when it opens the file. So a file is
smaller to download, and as fast.
"""

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

SMALLEST = 1024
"""Weights of fewer values stay float32."""
Smaller = Callable[[str, np.ndarray, int | None], tuple[list, list]]
"""Name, values and axis of the output channels -> what is stored, and the nodes that
make float32 values of it."""


def write_float16(source: pathlib.Path, target: pathlib.Path) -> None:
    """Writes a copy whose weights are float16, about half as large."""
    _rewrite(source, target, _as_float16)


def write_int8(source: pathlib.Path, target: pathlib.Path) -> None:
    """Writes a copy whose weights are int8, about a quarter as large.

    Every output channel has a scale of its own, so that its largest weight is 127.
    """
    _rewrite(source, target, _as_int8)


def _rewrite(source: pathlib.Path, target: pathlib.Path, smaller: Smaller) -> None:
    import onnx
    from onnx import numpy_helper

    model = onnx.load(source)
    graph = model.graph
    axes = _channel_axes(graph)
    kept, nodes = [], []
    for tensor in graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor)
            if values.size >= SMALLEST:
                stored, steps = smaller(tensor.name, values, axes.get(tensor.name))
                kept += stored
                nodes += steps
                continue
        kept.append(tensor)
    del graph.initializer[:]
    graph.initializer.extend(kept)
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *rest])
    onnx.checker.check_model(model)
    onnx.save(model, target)


def _channel_axes(graph: Any) -> dict[str, int]:
    """The axis of the output channels of each kernel, by its name."""
    axes = {}
    for node in graph.node:
        if node.op_type == "Conv":
            axes[node.input[1]] = 0
        elif node.op_type == "Gemm":
            transposed = any(x.name == "transB" and x.i for x in node.attribute)
            axes[node.input[1]] = 0 if transposed else -1
        elif node.op_type == "MatMul":
            axes[node.input[1]] = -1
    return axes


def _as_float16(name: str, values: np.ndarray, axis: int | None) -> tuple[list, list]:
    from onnx import TensorProto, helper, numpy_helper

    half = f"{name}_float16"
    limit = np.finfo("float16").max
    stored = numpy_helper.from_array(values.clip(-limit, limit).astype("float16"), half)
    return [stored], [helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT)]


def _as_int8(name: str, values: np.ndarray, axis: int | None) -> tuple[list, list]:
    from onnx import TensorProto, helper, numpy_helper

    others = None
    if axis is not None:
        others = tuple(x for x in range(values.ndim) if x != axis % values.ndim)
    largest = np.abs(values).max(others, keepdims=True)
    scale = np.where(largest > 0, largest / 127, 1).astype("float32")
    integers, cast, factor = (f"{name}_{x}" for x in ("int8", "cast", "scale"))
    stored = [
        numpy_helper.from_array(np.round(values / scale).astype("int8"), integers),
        numpy_helper.from_array(scale, factor),
    ]
    steps = [
        helper.make_node("Cast", [integers], [cast], to=TensorProto.FLOAT),
        helper.make_node("Mul", [cast, factor], [name]),
    ]
    return stored, steps
