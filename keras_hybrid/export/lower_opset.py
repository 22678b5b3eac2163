"""ONNX graphs of opset 18 as graphs of opset 17."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def to_opset_17(model: "onnx.ModelProto") -> None:
    """Rewrites the operations that opset 18 changed, in place.

    torch leaves this to ONNX' version converter, which knows no `Pad`.

    Args:
        model: The graph, of opset 18.

    Raises:
        ValueError: If an operation has no equal one in opset 17; the message names it.
    """
    import onnx

    graph = model.graph
    constants = {x.name: onnx.numpy_helper.to_array(x) for x in graph.initializer}
    changed = [
        node
        for node in graph.node
        if not node.domain
        and onnx.defs.get_schema(node.op_type, 18, "").since_version == 18
    ]
    for node in changed:
        axes = constants.get(node.input[1]) if len(node.input) == 2 else None
        if node.op_type == "Pad" and len(node.input) < 4:
            continue  # opset 18 added the fourth input
        if not node.op_type.startswith("Reduce") or axes is None or not axes.size:
            raise ValueError(
                f"Opset 17 has no equal of {node.op_type} in this model: give --opset "
                "18 or more."
            )
        del node.input[1]
        kept = [x for x in node.attribute if x.name != "noop_with_empty_axes"]
        kept.append(onnx.helper.make_attribute("axes", axes.tolist()))
        del node.attribute[:]
        node.attribute.extend(kept)
    read = {name for node in graph.node for name in node.input}
    unread = [x for x in graph.initializer if x.name not in read]
    for initializer in unread:
        graph.initializer.remove(initializer)
    for used in model.opset_import:
        if not used.domain:
            used.version = 17
