"""Writes files of more than 8 bits per channel that Pillow cannot write."""

import struct
import zlib

import numpy as np

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def png16(values):
    """A 16-bit PNG of values `(H, W, C)`, with 1 to 4 channels."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = width, height, 16, _COLOUR_TYPES[channels], 0, 0, 0
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", *header)),
            _chunk(b"IDAT", zlib.compress(rows)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind, data):
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def tiff(values, order="<", deflate=False, extra=()):
    """A TIFF of values `(H, W, C)` of any type, with 1 to 4 channels.

    Args:
        values: The values.
        order: `"<"` or `">"`, little or big endian.
        deflate: Whether it is compressed.
        extra: More entries, or others in place of these, `(tag, type, values)`; type 3 is 16 bits, 4 is 32 bits.
    """
    height, width, channels = values.shape
    data = values.astype(values.dtype.newbyteorder(order)).tobytes()
    data = zlib.compress(data) if deflate else data
    tags = [
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [8 * values.itemsize] * channels),
        (259, 3, [8 if deflate else 1]),
        (262, 3, [2 if channels > 2 else 1]),
        (273, 4, [0]),  # where the data begins, known below
        (277, 3, [channels]),
        (278, 4, [height]),
        (279, 4, [len(data)]),
        (339, 3, [{"u": 1, "i": 2, "f": 3}[values.dtype.kind]] * channels),
        *([(338, 3, [2])] if channels in (2, 4) else []),
        *extra,
    ]
    tags = list({entry[0]: entry for entry in tags}.values())
    packed = {
        tag: struct.pack(order + {3: "H", 4: "I"}[kind] * len(v), *v)
        for tag, kind, v in tags
    }
    first = 8 + 2 + 12 * len(tags) + 4
    long = sum(len(x) for x in packed.values() if len(x) > 4)
    packed[273] = struct.pack(order + "I", first + long)
    entries, appended = b"", b""
    for tag, kind, numbers in sorted(tags):
        content = packed[tag]
        if len(content) > 4:
            place = struct.pack(order + "I", first + len(appended))
            content, appended = place, appended + content
        entries += struct.pack(order + "HHI", tag, kind, len(numbers))
        entries += content.ljust(4, b"\0")
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 8)
    entries = struct.pack(order + "H", len(tags)) + entries + bytes(4)
    return start + entries + appended + data


def folder(root, write, count=8, classes=("dim", "bright")):
    """A folder of classes; `write(i, label)` gives the bytes of each file.

    A name ends as the content says: png, pgm, or else tif.
    """
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            content = write(i, label)
            kind = {b"\x89": "png", b"P": "pgm"}.get(content[:1], "tif")
            (root / name / f"{i}.{kind}").write_bytes(content)
    return root


def ramp(low, high, dtype="uint16", shape=(24, 24, 1), seed=0):
    """Values from `low` to `high`, in random order."""
    rng = np.random.default_rng(seed)
    values = np.linspace(low, high, int(np.prod(shape)))
    values = values.round() if np.dtype(dtype).kind in "iu" else values
    return rng.permutation(values).reshape(shape).astype(dtype)
