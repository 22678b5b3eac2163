"""The folder `golden`: the right preprocessing passes, each usual mistake fails."""

import ast
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from keras_hybrid import data
from keras_hybrid.export import FORMATS, ExportMismatch, golden, verify
from keras_hybrid.export.golden import Golden, make_golden, wrong_answers
from keras_hybrid.export.golden_images import generated_images, test_images
from keras_hybrid.export.ship_pack import SELF_TESTS, write_pack
from keras_hybrid.inference.classifier import _normalize
from tests.export.conftest import WRITTEN

pytestmark = pytest.mark.backend_independent

NORMALIZATION = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}
test_images.__test__ = False  # it is no test
FILTERS = ("bicubic", "bilinear", "lanczos", "box", "hamming", "nearest")


def self_test(folder, *names):
    """Runs the self-test as a stranger does; exit code and the last lines."""
    ended = subprocess.run(
        [sys.executable, "-P", str(folder / "golden/selftest.py"), *names],
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        cwd=folder.parent,
        capture_output=True,
        text=True,
    )
    lines = [x for x in ended.stdout.splitlines() if x.endswith("images pass")]
    assert lines, ended.stderr
    return ended.returncode, lines


def test_the_right_pipeline_passes_in_every_format(run):
    code, lines = self_test(run)
    assert code == 0
    files = [x.file_name for x in WRITTEN.values()]
    assert lines == [f"{name}: 10 of 10 images pass" for name in files]
    known = json.loads((run / "golden/golden.json").read_text())
    for name in ("model.onnx", "model.tflite", "saved_model", "openvino"):
        assert known["expected"][name]["tolerance"] == 1e-3


@pytest.mark.parametrize("file", ["model.onnx", "model.tflite"])
@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("return (pixels - mean) / std", "return pixels[..., ::-1].copy()"),
        ("return (pixels - mean) / std", "return pixels / 255"),
        ('[rule["interpolation"].upper()]', '["BILINEAR"]'),
        ('rule["fit"] == "crop"', 'rule["fit"] == "centre"'),
        ('[rule["interpolation"].upper()]', '["NEAREST"]'),
    ],
    ids=["swapped channels", "another scale", "another filter", "pad", "nearest"],
)
def test_each_mistake_fails(run, tmp_path, file, line, mistake):
    folder = tmp_path / "shipped"
    shutil.copytree(run / "golden", folder / "golden")
    shutil.copy(run / file, folder)
    script = folder / "golden/selftest.py"
    assert script.read_text().count(line) == 1
    script.write_text(script.read_text().replace(line, mistake))
    code, (summary,) = self_test(folder, file)
    assert code == 1 and int(summary.split()[1]) < 5


def test_what_is_written(run):
    known = json.loads((run / "golden/golden.json").read_text())
    assert known["input"]["height"] == 16 and known["input"]["mean"] == [0.0] * 3
    assert known["preprocessing"]["fit"] == "crop"
    assert len(known["preprocessing"]["steps"]) == 5
    assert min(known["images_that_betray"].values()) > 5
    for expected in known["expected"].values():
        odds = np.exp(expected["logits"])
        odds /= odds.sum(-1, keepdims=True)
        np.testing.assert_allclose(expected["probabilities"], odds, 1e-5)
    found = verify(run / "model.onnx")
    assert found[0].images == 12 and found[0].max_difference <= 1e-5


def test_verify_reads_the_golden_images_by_the_card(copy):
    place = copy / "model.onnx.card.json"
    card = json.loads(place.read_text())
    card["preprocessing"]["fit"] = "stretch"
    place.write_text(json.dumps(card))
    with pytest.raises(ExportMismatch, match="differs from Keras"):
        verify(copy / "model.onnx")


def test_verify_notices_changed_images(copy):
    Image.new("RGB", (30, 30)).save(copy / "golden/3.png")
    with pytest.raises(ValueError, match=r"3.png is missing or was changed"):
        verify(copy / "model.onnx")
    place = copy / "golden/golden.json"
    other = json.loads(place.read_text()) | {"source": {"sha256": "another model"}}
    place.write_text(json.dumps(other))
    assert verify(copy / "model.onnx")[0].images == 2


def test_a_stranger_needs_no_more_than_the_runtime():
    tree = ast.parse((SELF_TESTS / "selftest.py").read_text())
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    runtimes = {"onnxruntime", "ai_edge_litert", "openvino", "tensorflow"}
    assert names - sys.stdlib_module_names == {"numpy", "PIL"} | runtimes


@pytest.fixture
def photos(tmp_path):
    """A run on a folder with a split: large test images, one of them damaged."""
    rng = np.random.default_rng(0)
    manifest = ["path,label,group,split"]
    for i, label in enumerate(("ant", "bee")):
        for split in ("train", "test"):
            manifest += [f"{split}/{label}/{k}.png,{label},,{split}" for k in range(4)]
            folder = tmp_path / "photos" / split / label
            folder.mkdir(parents=True)
            for k in range(4):
                pixels = np.full((300, 900, 3), (200 * (split == "test"), 100 * i, k))
                image = Image.fromarray((pixels + rng.integers(0, 9)).astype("uint8"))
                exif = Image.Exif()
                exif[0x0112] = 6
                image.save(folder / f"{k}.png", exif=exif)
    (tmp_path / "photos/test/bee/0.png").write_bytes(b"damaged")
    recipe = {
        "data": {"dataset": "folder"},
        "runtime": {"data_dir": str(tmp_path / "photos")},
    }
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    (tmp_path / "manifest.csv").write_text("\n".join(manifest))
    return tmp_path


def test_real_images_are_test_images_of_all_classes(photos):
    found = test_images(photos, 5)
    assert [x.size for x in found] == [(171, 512)] * 5  # upright, and not too large
    colours = np.array([np.asarray(x).mean((0, 1)) for x in found])
    assert colours[:, 0].min() > 190  # of the test split
    assert 2 <= (colours[:, 1] > 90).sum() <= 3
    made = make_golden(photos, {}, (32, 32, 3), True, "real")
    assert made.real == 5 and len(made.images) == 10
    assert make_golden(photos, {}, (32, 32, 3), True, "generated").real == 0
    assert make_golden(photos, {}, (32, 32, 3), True, "none") is None
    shutil.rmtree(photos / "photos")
    assert make_golden(photos, {}, (32, 32, 3), True, "real").real == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_normalized_input(tmp_path, channels):
    facts = {"preprocessing": NORMALIZATION | data.TRAINING_RESIZE}
    made = make_golden(tmp_path, facts, (16, 24, channels), False, "generated")
    pixels = make_golden(tmp_path, facts, (16, 24, channels), True, "generated")
    expected = _normalize(pixels.inputs(), facts["preprocessing"])
    np.testing.assert_allclose(made.inputs(), expected, 0, 1e-5)
    assert make_golden(tmp_path, {}, (16, 24, 3), False, "generated") is None


def test_free_sizes_have_one():
    made = make_golden(pathlib.Path(), {}, (None, None, 3), True, "generated")
    assert made.inputs().shape == (10, 224, 224, 3)


def mean_colour(images):
    """A toy model, which tells channels and scales, but no resize."""
    return images.astype("float32").mean((1, 2))


def test_what_a_model_cannot_tell_is_said(tmp_path):
    made = make_golden(tmp_path, {}, (16, 16, 3), True, "generated")
    found = wrong_answers(made, lambda x: 1e-9 * mean_colour(x), 1e-3)
    assert set(found.values()) == {0}
    found = wrong_answers(made, mean_colour, 1e-3)
    assert found["swapped channels"] == found["another scale"] == 10
    facts = {"artefact": {"source": None}}
    with pytest.warns(UserWarning, match="cannot tell another filter"):
        write_pack(tmp_path, made, lambda x: 1e-9 * mean_colour(x), {}, facts)


def test_a_later_export_keeps_the_expectations_of_an_earlier(tmp_path):
    made = make_golden(tmp_path, {}, (16, 16, 3), True, "generated")
    facts = {"artefact": {"source": {"sha256": "1"}}, "class_names": ["a", "b", "c"]}

    def names(format, facts):
        path = tmp_path / FORMATS[format].file_name
        path.touch()
        write_pack(tmp_path, made, mean_colour, {format: path}, facts)
        return list(golden.read_golden(tmp_path)["expected"])

    assert names("onnx", facts) == ["model.onnx"]
    assert names("litert", facts) == ["model.onnx", "model.tflite"]
    (tmp_path / "model.onnx").unlink()
    assert names("litert", facts) == ["model.tflite"]
    other = facts | {"artefact": {"source": {"sha256": "2"}}}
    assert names("onnx", other) == ["model.onnx"]  # of another model


NODE = """
import fs from "node:fs";
import { preprocess } from "./preprocess.mjs";
for (const { pixels, width, height, golden } of JSON.parse(fs.readFileSync("cases.json"))) {
  const image = { pixels: Uint8Array.from(pixels), width, height, channels: 3 };
  console.log(JSON.stringify([...preprocess(image, golden)]));
}
"""


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_javascript_prepares_the_same_tensors(tmp_path):
    shutil.copy(SELF_TESTS / "preprocess.mjs", tmp_path)
    (tmp_path / "test.mjs").write_text(NODE)
    cases = []
    for fit in ("crop", "pad", "stretch"):
        for filter in FILTERS:
            channels = 1 if filter == "bilinear" else 3
            rule = {"crop": 0.875, "interpolation": filter, "fit": fit}
            scale = {"mean": [30.0] * channels, "std": [60.0] * channels}
            images = tuple(generated_images(17, 30, 5))
            cases.append(Golden(images, (17, 30, channels), rule, scale))
    given = [
        {
            "pixels": np.asarray(image).ravel().tolist(),
            "width": image.width,
            "height": image.height,
            "golden": {
                "input": {"height": 17, "width": 30, "channels": case.shape[-1]}
                | case.scale,
                "preprocessing": case.preprocessing,
            },
        }
        for case in cases
        for image in case.images
    ]
    (tmp_path / "cases.json").write_text(json.dumps(given))
    printed = subprocess.run(
        ["node", "test.mjs"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    expected = [x for case in cases for x in case.inputs()]
    for text, tensor in zip(printed, expected, strict=True):
        np.testing.assert_allclose(json.loads(text), tensor.ravel(), 0, 1e-6)


def test_the_javascript_passes(run, tmp_path):
    """Where `npm install onnxruntime-node pngjs` was done in a folder of NODE_PATH."""
    packages = os.environ.get("NODE_PATH", "")
    if not shutil.which("node") or not (pathlib.Path(packages) / "pngjs").is_dir():
        pytest.skip("needs node, onnxruntime-node and pngjs")
    shutil.copytree(run / "golden", tmp_path / "golden")
    shutil.copy(run / "model.onnx", tmp_path)
    (tmp_path / "node_modules").symlink_to(packages)
    script = tmp_path / "golden/selftest.mjs"
    ended = subprocess.run(["node", script], capture_output=True, text=True)
    assert ended.stdout.endswith("10 of 10 images pass\n"), ended.stderr
    text = script.read_text()
    script.write_text(text.replace("(k % 3)", "2 - (k % 3)"))  # swapped channels
    assert script.read_text() != text
    assert subprocess.run(["node", script], capture_output=True).returncode == 1
