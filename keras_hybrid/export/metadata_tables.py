"""The tables of TFLite Metadata, written with `flatbuffers`.

They are those of `metadata_schema.fbs` of tensorflow/tflite-support, version 1.0.0. A
field is written by its place in its table, so that the order of arguments is that of
the schema.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from keras_hybrid.utils.rejection import KNOWN

LABELS = "labels.txt"
"""Name of the file of labels: a class a line, in the order of the outputs."""

_IDENTIFIER = b"M001"
_MIN_PARSER_VERSION = "1.0.0"
# Values of the schema's enums and unions.
_TENSOR_AXIS_LABELS = 2
_COLOR_SPACES = {3: 1, 1: 2}  # channels -> RGB, GRAYSCALE
_IMAGE_PROPERTIES = 2
_NORMALIZATION_OPTIONS = 1

KINDS = {"values": "Image regression", "probabilities": "Image classifier"}
"""What a model is, by the name of one of its outputs."""

Field = tuple[Literal["offset", "uint8", "uint32"], int] | None


def model_metadata(
    name: str,
    shape: Sequence[int],
    outputs: Sequence[str],
    labelled: bool,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
) -> bytes:
    """The table ModelMetadata, finished.

    Args:
        name: Name of the model.
        shape: Shape of the input, `(B, H, W, C)`; -1 where a length is dynamic.
        outputs: Names of the outputs in the order of the graph.
        labelled: Whether there is a file of labels.
        mean, std: Normalization of pixels in [0, 255], per channel; None says nothing.
    """
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    image = _image_metadata(builder, shape, mean, std)
    scores = [
        _score_metadata(builder, output, labelled and output != KNOWN)
        for output in outputs
    ]
    graph = _table(
        builder,
        None,  # name
        None,  # description
        _offset(_tables(builder, [image])),
        _offset(_tables(builder, scores)),
    )
    graphs = _tables(builder, [graph])
    kinds = [KINDS[output] for output in outputs if output in KINDS]
    root = _table(
        builder,
        _text(builder, name),
        _text(builder, (kinds or ["Image classifier"])[0]),
        None,  # version
        _offset(graphs),
        None,  # author
        None,  # license
        None,  # associated_files
        _text(builder, _MIN_PARSER_VERSION),
    )
    builder.Finish(root, _IDENTIFIER)
    return bytes(builder.Output())


def _image_metadata(
    builder: Any,
    shape: Sequence[int],
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
) -> int:
    """The table TensorMetadata of the input."""
    _, height, width, channels = map(int, shape)
    size = None
    if min(height, width) > 0:
        sides = _table(builder, ("uint32", width), ("uint32", height))
        size = _offset(sides)
    colors = _COLOR_SPACES.get(channels, 0)
    properties = _table(builder, ("uint8", colors), size)
    content = _table(builder, ("uint8", _IMAGE_PROPERTIES), _offset(properties))
    units = None
    if mean is not None and std is not None:
        means, stds = (
            builder.CreateNumpyVector(np.array(x, "float32")) for x in (mean, std)
        )
        options = _table(builder, _offset(means), _offset(stds))
        unit = _table(builder, ("uint8", _NORMALIZATION_OPTIONS), _offset(options))
        units = _offset(_tables(builder, [unit]))
    return _table(
        builder,
        _text(builder, "image"),
        _text(builder, "The image, resized as preprocessing in the card says."),
        None,  # dimension_names
        _offset(content),
        units,
    )


def _score_metadata(builder: Any, name: str, labelled: bool) -> int:
    """The table TensorMetadata of an output."""
    files = None
    if labelled:
        file = _table(
            builder,
            _text(builder, LABELS),
            _text(builder, "Names of the classes"),
            ("uint8", _TENSOR_AXIS_LABELS),
        )
        files = _offset(_tables(builder, [file]))
    return _table(
        builder,
        _text(builder, name),
        _text(builder, f"The {name} of the classes" if labelled else f"The {name}"),
        None,  # dimension_names
        None,  # content
        None,  # process_units
        None,  # stats
        files,
    )


def _table(builder: Any, *fields: Field) -> int:
    """A table from its fields in the order of the schema; None leaves one out."""
    builder.StartObject(len(fields))
    for slot, field in enumerate(fields):
        if field is None:
            continue
        kind, value = field
        if kind == "offset":
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
        elif kind == "uint8":
            builder.PrependUint8Slot(slot, value, 0)
        else:
            builder.PrependUint32Slot(slot, value, 0)
    return builder.EndObject()


def _tables(builder: Any, tables: Sequence[int]) -> int:
    """A vector of tables."""
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return builder.EndVector()


def _text(builder: Any, text: str) -> Field:
    return _offset(builder.CreateString(text))


def _offset(value: int) -> Field:
    return ("offset", value)
