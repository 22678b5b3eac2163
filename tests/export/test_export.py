"""Exported files in their own runtimes, against Keras, on logits."""

import inspect
import json
import os
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from keras_hybrid import models
from keras_hybrid.cli import export_command, main
from keras_hybrid.export import (
    FORMATS,
    ExportMismatch,
    check,
    export,
    to_litert,
    to_onnx,
    to_openvino,
    to_saved_model,
    verify,
    write,
)
from keras_hybrid.export.exporters import WITHOUT_RULE
from keras_hybrid.export.runtime import litert_interpreter
from keras_hybrid.inference import evaluate
from keras_hybrid.inference.open_model import open_model
from keras_hybrid.program import train_and_export
from keras_hybrid.train.recipe import Recipe, Runtime
from keras_hybrid.utils import files
from tests.export.conftest import CLASSES, WRITTEN, small_atc
from tests.small import FAMILIES, small
from tests.test_cli import ROOT

pytest.importorskip("ai_edge_litert")
EXACT = ("saved_model", "litert", "onnx", "openvino")


@pytest.mark.backend_independent
def test_a_recipe_refuses_formats_before_training():
    with pytest.raises(ValueError, match=r"must be one of .*triton, not 'onx'"):
        train_and_export(Recipe("x", runtime=Runtime(export=("onx",))))
    with pytest.raises(ValueError, match="litert_int8 needs images for calibration"):
        train_and_export(Recipe("x", runtime=Runtime(export=("litert_int8",))))


@pytest.mark.backend_independent
def test_help_and_recipes_name_all_formats():
    for text in (export_command.__doc__, inspect.getsource(Runtime)):
        assert not [name for name in FORMATS if name.split("_int8")[0] not in text]


@pytest.mark.parametrize("format", WRITTEN)
def test_every_format_answers_as_keras(run, format):
    images = np.random.default_rng(5).integers(0, 256, (3, 16, 24, 3), dtype="uint8")
    model = keras.models.load_model(run / "model.keras")
    expected = keras.ops.convert_to_numpy(models.logits(model)(images.astype("f4")))
    known = keras.ops.convert_to_numpy(models.known(model)(images.astype("f4")))
    opened = open_model(run / WRITTEN[format].file_name)
    rejects = format not in WITHOUT_RULE
    assert opened.input_shape == (16, 24, 3) and opened.rejects == rejects
    largest = abs(expected).max()
    # random weights, nearly tied logits: int8 is held to its stated bound only
    atol = {"litert_float16": 1e-2, "litert_dynamic": 0.1, "litert_int8": 0.5}
    atol = atol.get(format, 1e-5 / largest) * largest
    for count in (3, 1):
        outputs = opened.run(images[:count])
        assert set(outputs) == {"logits", "probabilities", *["known"] * rejects}
        if format in EXACT:
            np.testing.assert_allclose(outputs["known"], known[:count], 0, 1e-3)
        np.testing.assert_allclose(outputs["logits"], expected[:count], 0, atol)
        np.testing.assert_allclose(outputs["probabilities"].sum(-1), 1, 0, 0.02)
    if format not in EXACT:
        assert np.abs(outputs["logits"] - expected[:1]).max() > 1e-5


@pytest.mark.backend_independent
def test_every_format_is_evaluated_as_keras(run, tmp_path):
    rng = np.random.default_rng(4)
    for i in range(12):
        pixels = rng.integers(0, 256, (16, 24, 3), dtype="uint8")
        folder = tmp_path / CLASSES[i % 3]
        folder.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    expected = evaluate(run, tmp_path, batch_size=5, quiet=True)
    assert expected.absent == CLASSES[3:]
    for name, format in WRITTEN.items():
        found = evaluate(run / format.file_name, tmp_path, batch_size=5, quiet=True)
        assert found.paths == expected.paths and found.classes == tuple(CLASSES)
        atol = 1e-5 if name in EXACT else 0.2
        np.testing.assert_allclose(
            found.probabilities, expected.probabilities, 0, atol, err_msg=name
        )
        if name in EXACT:
            assert found.metrics == pytest.approx(expected.metrics, abs=1e-5)


@pytest.mark.backend_independent
def test_cards_say_what_was_measured(run):
    for name, format in WRITTEN.items():
        path = run / format.file_name
        card = json.loads((run / f"{path.name}.card.json").read_text())
        assert card["class_names"] == CLASSES and card["seed"] == 7
        facts = card["artefact"]
        assert facts["format"] == name
        assert facts["images"] == (32 if name in EXACT else 22)  # ten golden ones
        assert facts["max_difference"] <= facts["tolerance"]
        assert not facts["custom_ops"] and facts["milliseconds"] > 0
        assert set(format.needs) <= set(facts["versions"])
        assert facts["size"] == sum(x["size"] for x in facts["files"].values())
        assert len(facts["files"]) >= (2 if path.is_dir() else 1)
        least = {"litert_int8": 0.6}.get(name, 0.9)
        assert facts["top1_agreement"] >= (1 if name in EXACT else least)


@pytest.mark.backend_independent
def test_smaller_numbers_make_smaller_files(run):
    size = {x: (run / WRITTEN[x].file_name).stat().st_size for x in WRITTEN}
    assert size["litert_int8"] < size["litert_float16"] < 0.8 * size["litert"]
    assert str(ROOT).encode() not in (run / "model.onnx").read_bytes()


@pytest.mark.backend_independent
def test_verify_again(run, capsys):
    assert [x.format for x in verify(run)] == sorted(
        WRITTEN, key=lambda x: f"{WRITTEN[x].file_name}.card.json"
    )
    main(["verify", str(run / "model.onnx")])
    assert capsys.readouterr().out.startswith("model.onnx: ")


@pytest.mark.backend_independent
def test_serving_from_jpeg_bytes(run, tmp_path):
    """Programs that know no Keras name what Keras names, with its probabilities."""
    rng = np.random.default_rng(2)
    for i in range(6):
        pixels = rng.integers(0, 256, (2, 3, 3), dtype="uint8")
        picture = Image.fromarray(pixels).resize((24, 16), Image.Resampling.BICUBIC)
        picture.save(tmp_path / f"{i}.jpg", quality=95)
    programs = {
        "tensorflow": """
import glob, sys, tensorflow as tf
model = tf.saved_model.load(sys.argv[1] + "/saved_model")
names = tf.io.read_file(model.class_names.asset_path).numpy().decode().splitlines()
read = lambda path: tf.io.decode_jpeg(
    tf.io.read_file(path), channels=3, dct_method="INTEGER_ACCURATE")
images = tf.stack([read(path) for path in sorted(glob.glob(sys.argv[2] + "/*.jpg"))])
answers = model.signatures["serving_uint8"](image=images)["probabilities"].numpy()
""",
        "onnxruntime": """
import glob, io, json, sys, numpy as np, onnxruntime, PIL.Image
session = onnxruntime.InferenceSession(sys.argv[1] + "/model.onnx")
names = json.load(open(sys.argv[1] + "/model.onnx.card.json"))["class_names"]
read = lambda path: np.asarray(PIL.Image.open(io.BytesIO(open(path, "rb").read())))
images = np.stack([read(path) for path in sorted(glob.glob(sys.argv[2] + "/*.jpg"))])
(answers,) = session.run(["probabilities"], {"image": images.astype("float32")})
""",
    }
    end = """
assert "keras_hybrid" not in sys.modules
for answer in answers:
    print(names[answer.argmax()], *answer)
"""
    model = keras.models.load_model(run / "model.keras")
    images = [np.asarray(Image.open(p)) for p in sorted(tmp_path.glob("*.jpg"))]
    expected = model.predict(np.stack(images).astype("float32"), verbose=0)
    assert len(set(expected.argmax(-1))) > 1
    for program in programs.values():
        answer = subprocess.run(
            [sys.executable, "-P", "-c", program + end, run, tmp_path],
            capture_output=True,
            text=True,
            check=True,
        )
        rows = [line.split() for line in answer.stdout.splitlines()]
        assert [row[0] for row in rows] == [CLASSES[i] for i in expected.argmax(-1)]
        found = np.array([row[1:] for row in rows], "float32")
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def readme_snippets():
    text = (ROOT / "saved_models/README.md").read_text()
    found = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return [x for x in found if "probabilities" in x]  # the reader: tests/data


@pytest.mark.backend_independent
@pytest.mark.parametrize("snippet", readme_snippets(), ids=lambda x: x.split()[1])
def test_what_the_readme_shows_runs(run, snippet):
    images = np.random.default_rng(5).integers(0, 256, (2, 16, 24, 3), dtype="uint8")
    values = {"images": images}
    exec(snippet.replace("saved_models/digits-atc3", str(run)), values)
    model = keras.models.load_model(run / "model.keras")
    expected = model.predict(images.astype("float32"), verbose=0)
    found = np.asarray(values["probabilities"])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    if "names" in values:
        assert values["names"] == [*CLASSES, ""]


@pytest.mark.backend_independent
def test_predict_takes_every_format(run, tmp_path, capsys):
    pixels = np.random.default_rng(3).integers(0, 256, (20, 30, 3), dtype="uint8")
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    answers = {}
    for name in ("model.keras", *(x.file_name for x in WRITTEN.values())):
        main(["predict", str(run / name), str(tmp_path / "photo.png"), "--top", "1"])
        words = capsys.readouterr().out.split()
        answers[name] = next(word for word in words if word in CLASSES)
    assert answers.pop("model_int8.tflite") in CLASSES  # which rounds near ties away
    assert set(answers.values()) <= set(CLASSES) and len(set(answers.values())) == 1


@pytest.mark.backend_independent
def test_nothing_is_overwritten_unasked(run, copy):
    (copy / "model.onnx").unlink()
    before = {x: x.read_bytes() for x in copy.rglob("*") if x.is_file()}
    for names in (["litert"], ["saved_model"], ["onnx", "saved_model"]):
        with pytest.raises(FileExistsError, match="use --overwrite"):
            export(copy / "model.keras", names, copy)
    with pytest.raises(ValueError, match="needs representative calibration images"):
        export(copy / "model.keras", ["litert_int8"], copy, overwrite=True)
    assert before == {x: x.read_bytes() for x in copy.rglob("*") if x.is_file()}


@pytest.mark.backend_independent
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_stands_is_replaced_last(kind, error, tmp_path, monkeypatch):
    part, path = tmp_path / "new" / "model", tmp_path / "model"
    part.parent.mkdir()
    for place, text in ((part, "new"), (path, "old")):
        if kind == "folder":
            place.mkdir()
            place = place / "file"
        place.write_text(text)
    inside = path / "file" if kind == "folder" else path
    rename = os.rename

    def fail(source, target):
        if source == part:
            raise error("no space")
        rename(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(files, "_exchange", lambda *_: False)  # as not on Linux
        patched.setattr(os, "rename", fail)
        patched.setattr(os, "replace", fail)
        with pytest.raises(error, match="no space"):
            files.replace(part, path)
    assert inside.read_text() == "old"
    files.replace(part, path)
    assert inside.read_text() == "new"


@pytest.mark.backend_independent
def test_a_mismatch_leaves_nothing(run, tmp_path, monkeypatch):
    def converted(format, source, target, options):
        target.write_bytes((run / "model.tflite").read_bytes())

    monkeypatch.setattr(write, "convert", converted)
    monkeypatch.setattr(check, "compare_known", lambda *_: {})  # logits alone count
    other = small_atc()  # which is not what the file was written from
    path = tmp_path / "model.tflite"
    with pytest.raises(ExportMismatch, match="Nothing was kept") as raised:
        to_litert(other, path)
    assert raised.value.report.max_difference > 1e-3
    assert not list(tmp_path.iterdir())
    with monkeypatch.context() as patched:
        patched.setattr(check, "tolerance", lambda *_: 1e9)
        to_litert(other, path)
    before = {x.name: x.read_bytes() for x in tmp_path.iterdir()}
    assert set(before) == {"model.tflite", "model.tflite.card.json"}
    with pytest.raises(FileExistsError):
        to_litert(other, path)
    with pytest.raises(ExportMismatch):
        to_litert(other, path, overwrite=True)
    assert {x.name: x.read_bytes() for x in tmp_path.iterdir()} == before


@pytest.mark.backend_independent
def test_another_verdict_is_a_mismatch(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.touch()
    images, expected = np.zeros((2, 4, 4, 3), "uint8"), np.ones((2, 5), "float32")
    known = np.array([[0.04], [0.5]], "float32")
    answer = {"logits": expected, "single": expected[:1], "known": known}
    answer |= {"milliseconds": 1.0, "custom_ops": np.array([], str)}

    def report(other, format="onnx"):
        changed = {
            x: y for x, y in (answer | {"known": other}).items() if y is not None
        }
        monkeypatch.setattr(check, "run_in_subprocess", lambda *_: changed)
        return check.compare(format, path, images, expected, known)

    assert report(known).known_difference == 0
    assert report(known + 0.02, "litert_int8").same_verdict == 0.5
    for other in (known + 0.02, known * np.nan, None):
        with pytest.raises(ExportMismatch, match="known"):
            report(other)


@pytest.mark.backend_independent
@pytest.mark.parametrize(
    "wrong",
    [
        {"logits": np.full((3, 5), np.nan, "float32")},
        {"logits": np.ones((3, 1), "float32")},
        {"single": np.zeros((1, 5), "float32")},
    ],
    ids=["no numbers", "another shape", "one image alone"],
)
def test_what_is_a_mismatch(wrong, tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.touch()
    images, expected = np.zeros((3, 4, 4, 3), "uint8"), np.ones((3, 5), "float32")
    answer = {"logits": expected, "single": expected[:1]}
    answer |= {"milliseconds": 1.0, "custom_ops": np.array([], str)}
    monkeypatch.setattr(check, "run_in_subprocess", lambda *_: answer)
    assert check.compare("onnx", path, images, expected).max_difference == 0
    monkeypatch.setattr(check, "run_in_subprocess", lambda *_: answer | wrong)
    with pytest.raises(ExportMismatch):
        check.compare("onnx", path, images, expected)


@pytest.mark.backend_independent
@pytest.mark.parametrize("format", FORMATS)
def test_a_missing_package_names_the_extra(format, tmp_path, monkeypatch):
    for missing in FORMATS[format].needs:
        with monkeypatch.context() as hidden:
            hidden.setitem(sys.modules, missing, None)
            with pytest.raises(
                ImportError, match=rf"{missing}.*keras_hybrid\["
            ) as error:
                export(tmp_path / "model.keras", [format], tmp_path)
            assert f"[{FORMATS[format].extra}]" in str(error.value)


@pytest.mark.backend_independent
def test_extras_bring_what_formats_need():
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = extras["optional-dependencies"]

    def packages(extra):
        for entry in extras[extra]:
            name = re.split(r"[<>=;\s]", entry)[0]
            inner = re.match(r"keras_hybrid\[(.*)\]", name)
            if inner:
                for other in inner[1].split(","):
                    yield from packages(other)
            yield name.replace("-", "_")

    for format in FORMATS.values():
        assert set(format.needs) <= set(packages(format.extra))


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="of the others")
def test_after_training_without_tensorflow(tmp_path, monkeypatch):
    """ONNX neither needs nor imports TensorFlow."""
    pytest.importorskip("onnxscript")
    model = small_atc()
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (4, 16, 24, 3)).astype("float32")
    model.fit(images, np.arange(4), epochs=2, verbose=0)
    (tmp_path / "absent" / "tensorflow").mkdir(parents=True)
    text = "raise ImportError('TensorFlow is not to be imported')"
    (tmp_path / "absent" / "tensorflow" / "__init__.py").write_text(text)
    path = f"{tmp_path / 'absent'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    monkeypatch.setenv("PYTHONPATH", path)
    report = to_onnx(model, tmp_path / "model.onnx", CLASSES, images)
    assert report.max_difference <= 1e-5 and report.images == 6
    assert verify(tmp_path)[0].max_difference <= 1e-5
    with pytest.raises(RuntimeError, match="TensorFlow is not to be imported"):
        to_saved_model(model, tmp_path / "saved_model")


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="of torch")
def test_after_training_on_torch(tmp_path):
    model = small_atc()
    model.compile("adam", "sparse_categorical_crossentropy")
    images = np.random.default_rng(0).uniform(0, 255, (4, 16, 24, 3)).astype("f4")
    model.fit(images, np.arange(4), epochs=1, verbose=0)
    report = to_litert(model, tmp_path / "model.tflite")
    assert report.max_difference <= 1e-5 and not report.custom_ops


@pytest.mark.backend_independent
def test_integers_in_and_out(tmp_path, randomise):
    model = randomise(small_atc())
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, 16, 24, 3), dtype="uint8")
    path = tmp_path / "model.tflite"
    to_litert(model, path, "int8", CLASSES, images[:4], images, integers_only=True)
    runner = litert_interpreter(path).get_signature_runner()
    (image,) = runner.get_input_details().values()
    assert image["dtype"] == np.uint8 and image["quantization"] == (1.0, 0)
    answers = runner(image=images)
    assert all(answer.dtype == np.uint8 for answer in answers.values())


@pytest.mark.backend_independent
def test_int8_is_of_linear_maps(tmp_path, randomise):
    model = randomise(small("convit_tiny"))
    images = np.random.default_rng(0).integers(0, 256, (8, 48, 48, 3), dtype="uint8")
    path = tmp_path / "linear.tflite"
    to_litert(model, path, "int8", (), images, images)
    integers, floats = _operations_by_type(path)
    assert integers == {"FULLY_CONNECTED", "QUANTIZE", "DEQUANTIZE"}
    assert "FULLY_CONNECTED" not in floats and "BATCH_MATMUL" in floats
    path = tmp_path / "all.tflite"
    to_litert(model, path, "int8", (), images, images, integers_only=True)
    assert "BATCH_MATMUL" in _operations_by_type(path)[0]


def _operations_by_type(path) -> tuple[set[str], set[str]]:
    """The operations of a LiteRT file that read or write int8, and the others."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    names = {code: name for name, code in vars(schema.BuiltinOperator).items()}
    (graph,) = model.subgraphs
    kinds = set(), set()
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex].builtinCode
        types = {graph.tensors[i].type for i in (*operator.inputs, *operator.outputs)}
        kinds[schema.TensorType.INT8 not in types].add(names[code])
    return kinds


@pytest.mark.backend_independent
@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_every_family(name, randomise, tmp_path):
    model = randomise(small(name))
    report = to_litert(model, tmp_path / "model.tflite")
    assert report.max_difference <= 1e-5 and not report.custom_ops
    assert report.top1_agreement == 1


@pytest.mark.backend_independent
@pytest.mark.slow
@pytest.mark.parametrize("to", [to_saved_model, to_onnx, to_openvino])
@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_every_family_elsewhere(name, to, randomise, tmp_path):
    path = tmp_path / ("model.onnx" if to is to_onnx else "model")
    report = to(randomise(small(name)), path)
    assert report.max_difference <= 1e-5 and not report.custom_ops


@pytest.mark.backend_independent
def test_free_size(randomise, tmp_path):
    model = randomise(small("cvt13", (None, None)))
    images = np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3), dtype="uint8")
    report = to_saved_model(model, tmp_path / "saved_model", images=images)
    assert report.max_difference <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("builder", [models.ATC13, models.CvT13])
def test_whole_models(builder, randomise, tmp_path):
    model = randomise(builder())
    for report in (
        to_saved_model(model, tmp_path / "saved_model"),
        to_litert(model, tmp_path / "model.tflite"),
        to_onnx(model, tmp_path / "model.onnx"),
    ):
        print(report)
        assert report.max_difference <= 1e-5 and not report.custom_ops


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="of torch")
def test_a_saved_model_after_training_with_torch(tmp_path):
    """TensorFlow and torch in one process, in that order, may crash."""
    report = to_saved_model(small_atc(), tmp_path / "saved_model", CLASSES)
    assert report.max_difference <= 1e-5
