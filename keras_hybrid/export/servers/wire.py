"""Writes the wire format of protocol buffers.

https://protobuf.dev/programming-guides/encoding
"""

_BYTES = 2
"""The wire type of strings, bytes and messages."""


def field(number: int, content: bytes) -> bytes:
    """A field of a string, of bytes, or of a serialized message.

    Args:
        number: Its number in the message's schema.
        content: What it holds.
    """
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])
