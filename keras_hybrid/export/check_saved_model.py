"""Looks through a SavedModel's graph before TensorFlow loads it.

Field numbers are those of TensorFlow's `saved_model.proto`, `meta_graph.proto`,
`graph.proto`, `function.proto`, `node_def.proto` and `saved_object_graph.proto`.
"""

import pathlib
from collections.abc import Iterator

from keras_hybrid.export.runtime import of_server
from keras_hybrid.export.saved_model_ops import ALLOWED, OF_THE_SAVER
from keras_hybrid.utils.guard import check_budget
from keras_hybrid.utils.guard.protobuf import (
    Fields,
    fields_of,
    messages,
    size_of_shape,
    texts,
)

_LARGEST_GRAPH = 2**31


def check_saved_model(folder: pathlib.Path) -> None:
    """Refuses a SavedModel that could do more than compute; passes other files.

    Of the folder of a server it is the newest version.

    Raises:
        ValueError: If its graph is damaged, has operations outside `ALLOWED`, or
            declares tensors that are far larger than its files.
    """
    folder = of_server(folder)
    file = folder / "saved_model.pb"
    if not file.is_file():
        return
    size = sum(x.stat().st_size for x in folder.rglob("*") if x.is_file())
    try:
        if (
            folder / "saved_model.cpb"
        ).exists() or file.stat().st_size > _LARGEST_GRAPH:
            raise ValueError("its graph is in several files, or larger than 2 GiB")
        for graph in messages(fields_of(file.read_bytes()), 2):
            if foreign := sorted(_foreign_operations(graph)):
                raise ValueError(
                    f"it has operations that may do more than compute: "
                    f"{', '.join(foreign[:5])}"
                )
            check_budget(8 * _declared(graph), size, "it")
    except ValueError as error:
        raise ValueError(f"{folder} cannot be loaded: {error}") from error


def _foreign_operations(graph: Fields) -> set[str]:
    """Operations that are not allowed where they are."""
    functions = [*_functions(graph)]
    top = messages(graph, 2, 1)
    of_saver = {
        name.split(":")[0]
        for saver in messages(graph, 3)
        for name in texts(saver, 2) + texts(saver, 3)
    }
    saving = [node for node in top if set(texts(node, 1)) & of_saver]
    others = [node for node in top if not set(texts(node, 1)) & of_saver]
    others += [node for _, nodes in functions for node in nodes]
    called = {name for node in others for name in _functions_of(node)}
    called |= {name for x in messages(graph, 7, 2) for name in texts(x, 1)}
    saves = {name for node in saving for name in _functions_of(node)} - called
    found = _operations(top) - ALLOWED
    for name, nodes in functions:
        allowed = ALLOWED | OF_THE_SAVER if name in saves else ALLOWED
        found |= _operations(nodes) - allowed
    return found - dict(functions).keys()


def _functions(graph: Fields) -> Iterator[tuple[str, list[Fields]]]:
    """The nodes of each function of the library by its name."""
    for function in messages(graph, 2, 2, 1):
        for signature in messages(function, 1):
            for name in texts(signature, 1):
                yield name, messages(function, 3)


def _operations(nodes: list[Fields]) -> set[str]:
    return {name for node in nodes for name in texts(node, 2)}


def _functions_of(node: Fields) -> Iterator[str]:
    """Names of functions that a node may call: its operation and its attributes."""
    yield from texts(node, 2)
    for value in messages(node, 5, 2):
        for function in messages(value, 10) + messages(value, 1, 9):
            yield from texts(function, 1)


def _declared(graph: Fields) -> int:
    """Values of all constants and variables, as their shapes say."""
    nodes = [*messages(graph, 2, 1)]
    nodes += [node for _, inner in _functions(graph) for node in inner]
    values = [value for node in nodes for value in messages(node, 5, 2)]
    constants = [shape for value in values for shape in messages(value, 8, 2)]
    variables = messages(graph, 7, 1, 7, 2)
    return sum(map(size_of_shape, constants + variables))
