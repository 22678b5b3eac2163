"""SavedModels as bytes, written without TensorFlow."""


def field(number, content):
    """A field of a protocol buffer that holds text or a message."""
    content = content.encode() if isinstance(content, str) else content
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def integer(number, value):
    return _varint(number << 3) + _varint(value)


def node(name, operation, *attributes):
    """A NodeDef; attributes are AttrValues."""
    named = (field(1, "a") + field(2, value) for value in attributes)
    return field(1, name) + field(2, operation) + b"".join(field(5, x) for x in named)


def call(function, name="call"):
    """A NodeDef that calls a function."""
    return node(name, "StatefulPartitionedCall", field(10, field(1, function)))


def constant(*shape):
    """A NodeDef of a constant that has no values."""
    dims = b"".join(field(2, integer(1, side)) for side in shape)
    return node("c", "Const", field(8, field(2, dims)))


def function(name, nodes):
    """A FunctionDef."""
    return field(1, field(1, name)) + b"".join(field(3, x) for x in nodes)


def saved_model(nodes, functions=(), saver=b""):
    """The content of `saved_model.pb`."""
    library = b"".join(field(1, x) for x in functions)
    graph = b"".join(field(1, x) for x in nodes) + field(2, library)
    return field(2, field(2, graph) + field(3, saver))


def _varint(value):
    content = b""
    while value > 127:
        content += bytes([value & 127 | 128])
        value >>= 7
    return content + bytes([value])
