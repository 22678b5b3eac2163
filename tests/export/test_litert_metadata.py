"""Metadata of LiteRT files, read by flatbuffers and zipfile, MediaPipe and Android's."""

import zipfile

import numpy as np
import pytest

from keras_hybrid.export.metadata_tables import model_metadata
from keras_hybrid.export.runtime import litert_interpreter, open_exported
from tests.export.conftest import CLASSES

pytestmark = pytest.mark.backend_independent

FILES = [
    "model.tflite",
    "model_float16.tflite",
    "model_dynamic.tflite",
    "model_int8.tflite",
]
# Slots of the tables in metadata_schema.fbs.
MODEL = {"name": 0, "subgraphs": 3, "parser": 7}
SUBGRAPH = {"inputs": 2, "outputs": 3}
TENSOR = {"name": 0, "content": 3, "units": 4, "files": 6}


class Table:
    """A table of a flatbuffer, read slot by slot."""

    def __init__(self, content, position):
        from flatbuffers import table

        self.table = table.Table(content, position)

    @classmethod
    def root(cls, content):
        return cls(content, int.from_bytes(content[:4], "little"))

    def _at(self, slot):
        offset = self.table.Offset(4 + 2 * slot)
        assert offset, f"slot {slot} is empty"
        return offset + self.table.Pos

    def text(self, slot):
        return self.table.String(self._at(slot)).decode()

    def inner(self, slot):
        return Table(self.table.Bytes, self.table.Indirect(self._at(slot)))

    def number(self, slot, flags):
        return self.table.Get(flags, self._at(slot))

    def tables(self, slot):
        offset = self._at(slot) - self.table.Pos
        start = self.table.Vector(offset)
        return [
            Table(self.table.Bytes, self.table.Indirect(start + 4 * i))
            for i in range(self.table.VectorLen(offset))
        ]

    def floats(self, slot):
        from flatbuffers import number_types

        offset = self._at(slot) - self.table.Pos
        return self.table.GetVectorAsNumpy(number_types.Float32Flags, offset)


def metadata(path):
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(path.read_bytes())
    entries = [model.Metadata(i) for i in range(model.MetadataLength())]
    (entry,) = [x for x in entries if x.Name() == b"TFLITE_METADATA"]
    content = model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
    assert content[4:8] == b"M001"
    return Table.root(bytearray(content))


@pytest.mark.parametrize("file", FILES)
def test_labels_and_normalization(run, file):
    from flatbuffers import number_types as types

    with zipfile.ZipFile(run / file) as archive:
        assert archive.namelist() == ["labels.txt"]
        assert archive.read("labels.txt").decode().split("\n") == [*CLASSES, ""]
        assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED
    model = metadata(run / file)
    assert model.text(MODEL["parser"]) == "1.0.0"
    (graph,) = model.tables(MODEL["subgraphs"])
    (image,) = graph.tables(SUBGRAPH["inputs"])
    content = image.inner(TENSOR["content"])
    assert content.number(0, types.Uint8Flags) == 2  # ImageProperties
    properties = content.inner(1)
    assert properties.number(0, types.Uint8Flags) == 1  # RGB
    size = properties.inner(1)
    assert [size.number(i, types.Uint32Flags) for i in (0, 1)] == [24, 16]
    (unit,) = image.tables(TENSOR["units"])
    assert unit.number(0, types.Uint8Flags) == 1  # NormalizationOptions
    assert unit.inner(1).floats(0).tolist() == [0.0] * 3
    assert unit.inner(1).floats(1).tolist() == [1.0] * 3
    outputs = graph.tables(SUBGRAPH["outputs"])
    names = {x.text(TENSOR["name"]): x for x in outputs}
    known = {"known"} if file != "model_int8.tflite" else set()
    assert set(names) == {"logits", "probabilities"} | known
    for output in (names["logits"], names["probabilities"]):
        (labels,) = output.tables(TENSOR["files"])
        assert labels.text(0) == "labels.txt"
        assert labels.number(2, types.Uint8Flags) == 2  # TENSOR_AXIS_LABELS


def test_what_is_not_known_is_not_written():
    content = model_metadata("any", (-1, -1, -1, 1), ["logits"], False, None, None)
    (graph,) = Table.root(bytearray(content)).tables(MODEL["subgraphs"])
    (image,), (output,) = (graph.tables(SUBGRAPH[x]) for x in ("inputs", "outputs"))
    properties = image.inner(TENSOR["content"]).inner(1)
    for table, slot in (
        (properties, 1),  # the size
        (image, TENSOR["units"]),
        (output, TENSOR["files"]),
    ):
        with pytest.raises(AssertionError, match="is empty"):
            table.inner(slot)


def test_names_belong_to_their_outputs(run):
    """The metadata lists outputs in the order of the graph, not of their names."""
    (graph,) = metadata(run / "model.tflite").tables(MODEL["subgraphs"])
    names = [x.text(TENSOR["name"]) for x in graph.tables(SUBGRAPH["outputs"])]
    interpreter = litert_interpreter(run / "model.tflite")
    interpreter.allocate_tensors()
    pixels = np.random.default_rng(0).integers(0, 256, (1, 16, 24, 3)).astype("f4")
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels)
    interpreter.invoke()
    expected = open_exported(run / "model.tflite")[0](pixels)
    for name, detail in zip(names, interpreter.get_output_details(), strict=True):
        found = interpreter.get_tensor(detail["index"])
        np.testing.assert_allclose(found, expected[name], 0, 1e-6)


def test_mediapipe_classifies_with_it(run):
    mediapipe = pytest.importorskip("mediapipe")
    from mediapipe.tasks.python import BaseOptions, vision

    path = run / "model.tflite"
    options = vision.ImageClassifierOptions(BaseOptions(model_asset_path=str(path)))
    pixels = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype="uint8")
    image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)
    with vision.ImageClassifier.create_from_options(options) as classifier:
        heads = classifier.classify(image).classifications
    found = {head.head_name: head.categories for head in heads}
    expected = open_exported(path)[0](pixels[None].astype("float32"))
    for name, values in expected.items():
        scores = {x.category_name: x.score for x in found[name]}
        np.testing.assert_allclose([scores[x] for x in CLASSES], values[0], 0, 1e-4)


def test_tflite_support_reads_it(run):
    metadata = pytest.importorskip("tflite_support").metadata
    displayer = metadata.MetadataDisplayer.with_model_file(str(run / "model.tflite"))
    assert displayer.get_packed_associated_file_list() == ["labels.txt"]
    assert '"NormalizationOptions"' in displayer.get_metadata_json()
