"""Folders of TensorFlow Serving and Triton, as these servers read them."""

import json
import re
import shutil

import numpy as np
import pytest

import keras_hybrid
from keras_hybrid import models
from keras_hybrid.export import export, verify
from keras_hybrid.export.servers.tf_serving import WARM_UP
from keras_hybrid.inference.open_model import open_model
from keras_hybrid.utils.files import sha256
from keras_hybrid.utils.guard.protobuf import fields_of, messages, texts
from tests.export.test_servers import PIXELS, expected, resnet
from tests.test_cli import error_of

pytestmark = pytest.mark.backend_independent
CLASSES = ["ant", 'be"e', "cow"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    pytest.importorskip("tensorflow")
    pytest.importorskip("onnxscript")
    folder = tmp_path_factory.mktemp("run")
    model = resnet(classes=3)
    model.save(folder / "model.keras")
    facts = {"model": "my net", "class_names": CLASSES}
    card = facts | {"model_sha256": sha256(folder / "model.keras")}
    (folder / "card.json").write_text(json.dumps(card))
    export(folder / "model.keras", ["serving", "triton"], folder, version=3)
    return folder, expected(models.logits(model))


def test_both_answer_as_keras(run):
    folder, answers = run
    for name in ("serving", "triton"):
        found = keras_hybrid.load(folder / name).predict(PIXELS)
        np.testing.assert_allclose(found.probabilities, answers, atol=1e-5)
        assert found.classes == tuple(CLASSES)
    assert len(verify(folder)) == 2
    golden = json.loads((folder / "golden/golden.json").read_text())
    assert sorted(golden["expected"]) == ["serving", "triton"]


def test_the_self_test_knows_them(run):
    from keras_hybrid.utils.subprocesses import run_file

    printed = run_file(run[0] / "golden/selftest.py")
    assert "serving: 10 of 10 images pass" in printed
    assert "triton: 10 of 10 images pass" in printed


def test_the_newest_version_is_opened(run, tmp_path):
    folder = shutil.copytree(run[0] / "serving", tmp_path / "served")
    shutil.copytree(folder / "3", folder / "10")
    (folder / "3/saved_model.pb").write_bytes(b"damaged")
    open_model(folder)
    (folder / "10/saved_model.pb").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="10 cannot be loaded"):
        open_model(folder)


def test_warm_up_requests(run):
    """One blank image for each signature, decoded with TensorFlow's own records."""
    import tensorflow as tf
    from tensorflow.core.framework.tensor_pb2 import TensorProto

    place = run[0] / "serving/3"
    assert (place / "assets/class_names.txt").read_text() == 'ant\nbe"e\ncow\n'
    signatures = tf.saved_model.load(str(place)).signatures
    found = {}
    for record in tf.data.TFRecordDataset(str(place / WARM_UP)).as_numpy_iterator():
        (request,) = messages(fields_of(record), 6, 1)
        (spec,), (entry,) = messages(request, 1), messages(request, 2)
        content = TensorProto.FromString(bytes(entry[2][0]))
        found[texts(spec, 3)[0]] = tensor = tf.make_ndarray(content)
        image = {texts(entry, 1)[0]: tf.constant(tensor)}
        answer = signatures[texts(spec, 3)[0]](**image)
        assert answer["probabilities"].shape == (1, 3)
    assert {name: (x.shape, str(x.dtype)) for name, x in found.items()} == {
        "serving_default": ((1, 16, 16, 3), "float32"),
        "serving_uint8": ((1, 16, 16, 3), "uint8"),
    }


def test_warm_up_requests_by_the_schema(run):
    """With the package of TensorFlow Serving, where it is installed."""
    import tensorflow as tf

    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    path = str(run[0] / "serving/3" / WARM_UP)
    for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
        request = logs.PredictionLog.FromString(record).predict_log.request
        assert request.model_spec.signature_name.startswith("serving_")
        assert tf.make_ndarray(request.inputs["image"]).shape == (1, 16, 16, 3)


def parsed(text):
    """Protocol buffer text as {field: [value]}; messages are such mappings, too."""
    words = re.findall(r'"[^"]*"|[\w.+-]+|[{}\[\]:,]', text)
    assert "".join(words) == re.sub(r"\s", "", text)  # names have no spaces
    return _message(iter(words))


def _message(words):
    found = {}
    for name in words:
        if name == "}":
            break
        mark = next(words)
        if mark == "{":
            value = _message(words)
        else:
            assert mark == ":"
            value = next(words)
            if value == "[":
                value = [x for x in iter(lambda: next(words), "]") if x != ","]
        found.setdefault(name, []).append(value)
    return found


def test_triton_repository(run):
    place = run[0] / "triton/my_net"
    files = sorted(x.relative_to(place).as_posix() for x in place.rglob("*.*"))
    assert files == ["3/model.onnx", "config.pbtxt", "labels.txt"]
    assert (place / "labels.txt").read_text() == 'ant\nbe"e\ncow\n'
    config = parsed((place / "config.pbtxt").read_text())
    assert config["name"] == ['"my_net"'] and config["backend"] == ['"onnxruntime"']
    assert config["max_batch_size"] == ["64"]
    (image,) = config["input"]
    assert image == {
        "name": ['"image"'],
        "data_type": ["TYPE_FP32"],
        "dims": [["16", "16", "3"]],
    }
    logits = {"name": ['"logits"'], "data_type": ["TYPE_FP32"], "dims": [["3"]]}
    labelled = {"name": ['"probabilities"'], "label_filename": ['"labels.txt"']}
    assert config["output"] == [logits, logits | labelled]
    (batching,) = config["dynamic_batching"]
    assert batching["max_queue_delay_microseconds"] == ["2000"]
    assert batching["default_queue_policy"] == [{"max_queue_size": ["256"]}]


def test_triton_configuration_by_the_schema(run):
    """With the package of Triton's client, where it is installed."""
    try:
        from tritonclient.grpc import model_config_pb2 as schema
    except (ImportError, RuntimeError):  # RuntimeError without the extra grpc
        pytest.skip("tritonclient[grpc] is not installed")
    from google.protobuf import text_format

    text = (run[0] / "triton/my_net/config.pbtxt").read_text()
    config = text_format.Parse(text, schema.ModelConfig())
    assert config.dynamic_batching.default_queue_policy.max_queue_size == 256
    assert list(config.model_warmup[0].inputs["image"].dims) == [16, 16, 3]


def test_refused(run, tmp_path, capsys):
    model = str(run[0] / "model.keras")
    command = ["export", model, "--out", str(tmp_path), "--formats", "triton"]
    text = error_of(capsys, *command, "--batch", "2")
    assert "--batch is not for triton" in text
    text = error_of(capsys, *command, "--model-version", "0")
    assert "--model-version must be 1 or more, not 0" in text
    assert not list(tmp_path.iterdir())
