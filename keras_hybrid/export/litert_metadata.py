"""Metadata in a LiteRT file: labels and normalization, for MediaPipe and Android.

A buffer of the model holds the tables. The file of labels is appended to the model as
an uncompressed zip archive, as TFLite Metadata prescribes:
https://ai.google.dev/edge/litert/conversion/tensorflow/metadata
"""

import io
import pathlib
import zipfile
from collections.abc import Sequence

import numpy as np

from keras_hybrid.export.metadata_tables import LABELS, model_metadata

_NAME = "TFLITE_METADATA"


def add_metadata(
    path: pathlib.Path,
    name: str,
    labels: Sequence[str] = (),
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> None:
    """Writes metadata into a LiteRT file of one image and its classes or numbers.

    Args:
        path: The file, which is written anew.
        name: Name of the model.
        labels: Names of the classes; none appends no file of labels.
        mean, std: `(pixel - mean) / std` is the input for a pixel in [0, 255], per
            channel; None says nothing of it.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))
    graph = model.subgraphs[0]
    image = graph.tensors[graph.inputs[0]]
    shape = image.shape if image.shapeSignature is None else image.shapeSignature
    named = {x.tensorIndex: x.name.decode() for x in model.signatureDefs[0].outputs}
    outputs = [named[index] for index in graph.outputs]
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(
        model_metadata(name, shape, outputs, bool(labels), mean, std), "uint8"
    )
    entry = schema.MetadataT()
    entry.name, entry.buffer = _NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(path.stat().st_size)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()) + _archive(labels))


def _archive(labels: Sequence[str]) -> bytes:
    """The zip archive of the labels; empty without labels."""
    if not labels:
        return b""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        moment = zipfile.ZipInfo(LABELS)  # 1980, so that equal models are equal files
        archive.writestr(moment, "".join(f"{label}\n" for label in labels))
    return content.getvalue()
