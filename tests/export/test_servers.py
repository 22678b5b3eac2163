"""Choices that servers and devices need: versions, batches of one size, any model."""

import json

import keras
import numpy as np
import pytest

import keras_hybrid
from keras_hybrid import models
from keras_hybrid.cli import main
from keras_hybrid.export import export, to_litert, to_onnx, verify
from keras_hybrid.inference.open_model import open_model
from keras_hybrid.utils.files import sha256

pytest.importorskip("ai_edge_litert")
onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.backend_independent
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype="uint8")


def resnet(**arguments):
    settings = {"widths": (8, 8, 8), "stem_width": 4, "input_shape": (16, 16, 3)}
    return models.ResNet9(**settings | arguments)


def around():
    """A model that someone built around a network, as in Keras' guide."""
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.RandomFlip()(inputs)
    x = resnet(include_top=False)(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Dropout(0.2)(x)))


def expected(model):
    values = keras.ops.convert_to_numpy(model(PIXELS.astype("float32"), training=False))
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.softmax(values)))


@pytest.mark.parametrize(("opset", "ir"), [(None, 8), (17, 8), (20, 9), (21, 10)])
def test_onnx_has_the_versions_that_are_asked_for(opset, ir, tmp_path):
    path = tmp_path / "model.onnx"
    to_onnx(
        models.ConViTTiny(
            input_shape=(32, 32, 3), classes=3, patch_size=16, depth=2, gpsa_layers=1
        ),
        path,
        opset=opset,
    )
    found = onnx.load(path)
    assert found.ir_version == ir
    assert [x.version for x in found.opset_import if not x.domain] == [opset or 18]


def test_versions_that_are_not_written_are_refused(tmp_path, capsys):
    with pytest.raises(ValueError, match="--opset must be 17 to 23, not 5"):
        to_onnx(resnet(classes=3), tmp_path / "model.onnx", opset=5)
    resnet(classes=3).save(tmp_path / "model.keras")
    with pytest.raises(SystemExit, match="2"):
        main(["export", str(tmp_path), "--formats", "onnx", "--opset", "99"])
    assert capsys.readouterr().err.count("\n") == 1
    for wrong, model in ((0, resnet()), (2, resnet(input_shape=(None, None, 3)))):
        with pytest.raises(ValueError, match="--batch"):
            to_onnx(model, tmp_path / "model.onnx", batch=wrong)
    assert sorted(x.name for x in tmp_path.iterdir()) == ["model.keras"]


@pytest.mark.parametrize("batch", [1, 2])
def test_files_of_one_batch_have_no_dynamic_length(batch, tmp_path):
    model = resnet(classes=3)
    model.save(tmp_path / "model.keras")
    formats = ["onnx", "litert", "saved_model"]
    export(tmp_path / "model.keras", formats, tmp_path, batch=batch)
    graph = onnx.load(tmp_path / "model.onnx").graph
    for tensor in (*graph.input, *graph.output, *graph.value_info):
        sides = tensor.type.tensor_type.shape.dim
        assert not [side.dim_param for side in sides if side.dim_param], tensor.name
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_value == batch
    assert not {node.op_type for node in graph.node} & {"Shape", "NonZero", "Range"}
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(tmp_path / "model.tflite"))
    for detail in interpreter.get_tensor_details():
        assert (detail["shape_signature"] > 0).all(), detail["name"]
    names = {x["op_name"] for x in interpreter._get_ops_details()}
    assert "SHAPE" not in names
    for name in ("model.onnx", "model.tflite", "saved_model"):
        found = open_model(tmp_path / name).run(PIXELS)
        np.testing.assert_allclose(
            found["probabilities"], expected(models.logits(model)), atol=1e-5
        )
    assert len(verify(tmp_path)) == 3


def test_logits_are_exported_with_probabilities(tmp_path):
    for classes, outputs in ((3, 3), (1, 1)):
        model = resnet(classes=classes, classifier_activation=None)
        for to, name in ((to_onnx, "m.onnx"), (to_litert, "m.tflite")):
            to(model, tmp_path / name, overwrite=True)
            found = open_model(tmp_path / name).run(PIXELS)
            assert set(found) == {"logits", "probabilities"}
            assert found["logits"].shape == (3, outputs)
            if classes == 1:
                sigmoid = 1 / (1 + np.exp(-found["logits"]))
                np.testing.assert_allclose(found["probabilities"], sigmoid, atol=1e-5)
            else:
                np.testing.assert_allclose(
                    found["probabilities"], expected(model), atol=1e-5
                )


def test_a_task_decides_what_logits_become(tmp_path):
    model = resnet(classes=3, classifier_activation=None)
    model.save(tmp_path / "model.keras")
    facts = {"task": "multilabel", "class_names": ["a", "b", "c"]}
    card = facts | {"model_sha256": sha256(tmp_path / "model.keras")}
    (tmp_path / "card.json").write_text(json.dumps(card))
    export(tmp_path / "model.keras", ["onnx"], tmp_path, golden="none")
    found = open_model(tmp_path / "model.onnx").run(PIXELS)
    sigmoid = 1 / (1 + np.exp(-found["logits"]))
    np.testing.assert_allclose(found["probabilities"], sigmoid, atol=1e-5)


def test_a_model_around_a_network_is_exported_and_predicts(tmp_path, capsys):
    model = around()
    model.save(tmp_path / "model.keras")
    main(["export", str(tmp_path), "--formats", "onnx", "litert", "--golden", "none"])
    for name in ("model.keras", "model.onnx", "model.tflite"):
        found = keras_hybrid.load(tmp_path / name).predict(PIXELS)
        np.testing.assert_allclose(found.probabilities, expected(model), atol=1e-5)
    odd = keras.Model(model.input, keras.layers.ReLU()(model.output))
    odd.save(tmp_path / "model.keras")
    with pytest.raises(SystemExit, match="2"):
        main(["export", str(tmp_path), "--formats", "onnx", "--overwrite"])
    assert "ends in ReLU" in capsys.readouterr().err
