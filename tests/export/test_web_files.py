"""The files of a page: what it needs, what it says, and where the runtime is from."""

import hashlib
import http.client
import json
import re
import shutil
import subprocess
import tarfile
import threading

import numpy as np
import pytest

import keras_hybrid
from keras_hybrid import models
from keras_hybrid.cli import main
from keras_hybrid.export.runtime import open_exported
from keras_hybrid.export.web import commands, runtime_files, serve, up_to_date
from keras_hybrid.export.web.page_facts import page_facts
from keras_hybrid.export.web.write_page import PAGE
from keras_hybrid.inference.answers import ANSWERS
from keras_hybrid.utils.rejection import REJECTED
from tests.export.web_page import CARD, facts_of, written_page

pytestmark = pytest.mark.backend_independent

needs_node = pytest.mark.skipif(not shutil.which("node"), reason="needs node")


@pytest.fixture
def pinned(tmp_path, monkeypatch):
    """Files of another content, pinned in place of the published ones."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    digests = {
        name: hashlib.sha256(name.encode()).hexdigest()
        for files in runtime_files.RUNTIMES.values()
        for name in files
    }
    monkeypatch.setattr(runtime_files, "_SHA256", digests)
    folder = tmp_path / "node_modules" / "onnxruntime-web" / "dist"
    folder.mkdir(parents=True)
    for name in digests:
        (folder / name).write_text(name)
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return written_page(tmp_path_factory.mktemp("page"))


def test_what_a_page_says(page):
    facts = json.loads((page / "model.json").read_text(encoding="utf-8"))
    assert facts["names"] == CARD["class_names"] and facts["rollout"]
    assert facts["input"]["height"] == 32 and facts["input"]["mean"] == [0.0] * 3
    sizes = [model["bytes"] for model in facts["models"]]
    assert sizes[2] < 0.55 * sizes[0] and sizes[1] < 0.7 * sizes[0]
    for model in facts["models"]:
        content = (page / model["file"]).read_bytes()
        assert model["sha256"] == hashlib.sha256(content).hexdigest()
    assert [model["difference"] < 0.1 for model in facts["models"]] == [True] * 3
    for name in facts["files"]:
        assert (page / name).is_file()
    for runtime in ("wasm", "webgpu"):
        for name in facts["runtime"][runtime]["files"]:
            assert (page / name).is_file()


def test_smaller_files_compute_nearly_the_same(page):
    image = np.random.default_rng(3).integers(0, 256, (2, 32, 32, 3), dtype="uint8")
    exact, half, integer = (
        open_exported(page / name)[0](image)["logits"]
        for name in ("model.onnx", "model_16bit.onnx", "model_8bit.onnx")
    )
    largest = np.abs(exact).max()
    assert 0 < np.abs(half - exact).max() < 4e-3 * largest
    assert 1e-4 * largest < np.abs(integer - exact).max() < 0.1 * largest
    found = open_exported(page)[0](image)
    np.testing.assert_array_equal(found["logits"], exact)
    assert found["rollout"].shape == (2, 8, 8)
    np.testing.assert_allclose(found["rollout"].sum((1, 2)), 1, 1e-5)


def test_a_page_is_complete_and_loads_nothing_from_elsewhere():
    names = {path.name for path in PAGE.iterdir()} | {"preprocess.mjs"}
    for path in PAGE.iterdir():
        text = path.read_text()
        assert "://" not in text
        for name in re.findall(r'from "\./(.*?)"', text):
            assert name in names, f"{path.name} imports {name}"
    text = (PAGE / "index.html").read_text()
    ids = set(re.findall(r'id="(.*?)"', text))
    for path in PAGE.glob("*.mjs"):
        for name in re.findall(r'element\("(.*?)"\)', path.read_text()):
            assert name in ids, f"{path.name} reads {name}"
    for name in re.findall(r'for="(.*?)"', text):
        assert name in ids
    assert "default-src 'none'" in text and "connect-src 'self'" in text


def test_models_that_a_page_cannot_show():
    with pytest.raises(ValueError, match="one input size"):
        page_facts(facts_of({}, (None, None, 3)), 2)
    with pytest.raises(ValueError, match="write their mean and std"):
        page_facts(facts_of({}, (8, 8, 3), pixels=False), 2)
    with pytest.raises(ValueError, match="not segmentation"):
        page_facts(facts_of({"task": "segmentation"}, (8, 8, 3)), 2)
    found = page_facts(facts_of({"model": "atc3"}, (8, 8, 3)), 2)
    assert found["rejected"] == REJECTED
    assert found["names"] == ["class 0", "class 1"] and found["title"] == "atc3"


ANSWER = """
import fs from "node:fs";
import { csv, answer } from "./answers.mjs";
const { facts, images } = JSON.parse(fs.readFileSync("cases.json"));
const results = images.map((outputs, i) => ({ file: { name: `${i}.png` }, found: answer(facts, outputs) }));
process.stdout.write(csv(facts, [...results, { file: { name: 'a "b",c.png' }, error: "no image" }]));
"""


@needs_node
@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_answers_are_those_of_predict(task, tmp_path):
    from keras_hybrid.inference.predict_files import FilePrediction
    from keras_hybrid.inference.write_predictions import write_predictions

    kind = ANSWERS[task].prediction
    names = ("weight",) if task == "regression" else ("b,ee", "قطة", 'd"og')
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4, len(names))).astype("float32")
    values = logits if task == "regression" else kind.of_logits(logits)
    outputs = [
        {name: {"data": row.tolist(), "dims": [1, len(row)]}}
        for name, rows in (("values" if task == "regression" else "logits", logits),)
        for row in rows
    ]
    facts = {"task": task, "names": names, "thresholds": [0.5] * len(names)}
    shutil.copy(PAGE / "answers.mjs", tmp_path)
    (tmp_path / "test.mjs").write_text(ANSWER)
    cases = json.dumps({"facts": facts, "images": outputs})
    (tmp_path / "cases.json").write_text(cases)
    printed = subprocess.run(
        ["node", "test.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    files = [
        FilePrediction(f"{i}.png", kind.of(values[i : i + 1], names, {}))
        for i in range(4)
    ]
    files.append(FilePrediction('a "b",c.png', error="no image"))
    path = tmp_path / "expected.csv"
    write_predictions(files, path, 5, kind.columns(min(5, len(names)), names))
    number = re.compile(r"\d+\.\d+(e-\d+)?")
    expected = path.read_text(encoding="utf-8")
    assert number.sub("#", printed) == number.sub("#", expected)
    np.testing.assert_allclose(
        [float(x[0]) for x in number.finditer(printed)],
        [float(x[0]) for x in number.finditer(expected)],
        1e-5,
    )


OCCLUDE = """
import { occlusion } from "./occlusion.mjs";
const pixels = new Float32Array(16 * 24).fill(1);
pixels[5 * 24 + 20] = 100; // row 5 of 16, column 20 of 24
const value = async (x) => x[5 * 24 + 20];
const map = await occlusion(pixels, { height: 16, width: 24, channels: 1 }, value, () => true);
const stopped = await occlusion(pixels, { height: 16, width: 24, channels: 1 }, value, () => false);
console.log(JSON.stringify([map, stopped]));
"""


@needs_node
def test_occlusion_finds_the_part_that_counts(tmp_path):
    shutil.copy(PAGE / "occlusion.mjs", tmp_path)
    (tmp_path / "test.mjs").write_text(OCCLUDE)
    printed = subprocess.run(
        ["node", "test.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    found, stopped = json.loads(printed)
    values = np.reshape(found["data"], found["dims"][1:])
    assert stopped is None and values.shape == (8, 8)
    rows, columns = np.nonzero(values > 50)
    assert set(rows) == {2, 3} and set(columns) == {6, 7}
    assert np.abs(values[values <= 50]).max() == 0


@pytest.mark.parametrize("kind", ["folder", "node_modules", "package"])
def test_the_runtime_is_checked_and_kept(pinned, tmp_path, kind):
    source = {"folder": pinned, "node_modules": pinned.parents[1]}.get(kind)
    if kind == "package":
        source = tmp_path / "package.tgz"
        with tarfile.open(source, "w:gz") as package:
            package.add(pinned, "package/dist")
    with pytest.raises(FileNotFoundError, match=r"add --fetch-runtime.*npm pack"):
        runtime_files.require_runtime()
    folder = runtime_files.install_runtime(source)
    shutil.rmtree(pinned)
    assert runtime_files.require_runtime() == folder
    assert len(list(folder.iterdir())) == 6
    (folder / "ort.wasm.min.mjs").write_text("other")
    with pytest.raises(ValueError, match=r"not that of.*fetch it again"):
        runtime_files.require_runtime()


def test_another_version_or_folder_is_refused(pinned, tmp_path):
    (pinned / "ort.wasm.min.mjs").write_text("another version")
    with pytest.raises(ValueError, match=r"ort.wasm.min.mjs in .* give version"):
        runtime_files.install_runtime(pinned)
    with pytest.raises(FileNotFoundError, match=r"give the folder or \.tgz"):
        runtime_files.install_runtime(tmp_path / "nothing")
    (tmp_path / "text.tgz").write_text("text")
    with pytest.raises(ValueError, match="no package of ONNX Runtime Web"):
        runtime_files.install_runtime(tmp_path / "text.tgz")
    assert not runtime_files.cache_folder().exists()


def test_it_is_downloaded_only_on_request(pinned, tmp_path, monkeypatch):
    asked = []

    def download(url, path, digest):
        asked.append((url, digest))
        with tarfile.open(path, "w:gz") as package:
            package.add(pinned, "package/dist")
        return path

    monkeypatch.setattr(runtime_files, "download", download)
    runtime_files.cache_folder().parent.mkdir(parents=True)
    runtime_files.get_runtime(None, False)
    assert not asked
    runtime_files.get_runtime(None, True)
    runtime_files.get_runtime(None, True)  # it is there
    ((url, digest),) = asked
    assert url.endswith(f"onnxruntime-web-{runtime_files.VERSION}.tgz")
    assert len(digest) == 64
    assert runtime_files.require_runtime().is_dir()


def test_a_missing_runtime_is_one_line_before_any_work(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        main(["export", str(tmp_path / "no_run"), "--formats", "web"])
    assert ended.value.code == 2
    assert "add --fetch-runtime" in capsys.readouterr().err.strip().splitlines()[-1]


def test_a_page_of_another_model_is_written_anew(tmp_path, monkeypatch):
    written = []

    def export(file, formats, out, **options):
        written.append(formats)
        (out / "web").mkdir(exist_ok=True)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        versions = {"keras_hybrid": keras_hybrid.__version__}
        card = {"artefact": {"source": {"sha256": digest}, "versions": versions}}
        (out / "web.card.json").write_text(json.dumps(card))

    monkeypatch.setattr(up_to_date, "export", export)
    for content, count in (("a", 1), ("a", 1), ("b", 2)):
        (tmp_path / "model.keras").write_text(content)
        assert up_to_date.current_page(tmp_path) == tmp_path / "web"
        assert len(written) == count
    monkeypatch.setattr(up_to_date, "__version__", "2.0")
    up_to_date.current_page(tmp_path)
    assert len(written) == 3
    (tmp_path / "web" / "model.json").touch()
    assert up_to_date.current_page(tmp_path / "web") == tmp_path / "web"
    assert len(written) == 3


def test_the_server_sends_what_threads_need(tmp_path):
    (tmp_path / "a.mjs").write_text("export {};")
    server = serve.page_server(tmp_path)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    connection = http.client.HTTPConnection(*server.server_address)
    connection.request("GET", "/a.mjs")
    headers = connection.getresponse().headers
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Content-Type"] == "text/javascript"
    connection.close()
    server.shutdown()
    server.server_close()


def test_the_demo_takes_another_port_and_opens_the_browser(
    tmp_path, monkeypatch, capsys
):
    taken = serve.page_server(tmp_path)
    port = taken.server_address[1]
    opened = []

    def stop(server):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands.webbrowser, "open", opened.append)
    monkeypatch.setattr(up_to_date, "current_page", lambda model: tmp_path)
    monkeypatch.setattr(serve.http.server.ThreadingHTTPServer, "serve_forever", stop)
    commands.demo_command(tmp_path, port=port)
    taken.server_close()
    (url,) = opened
    assert url.startswith("http://localhost:") and str(port) not in url
    assert url in capsys.readouterr().out


def test_a_model_without_attention_has_no_rollout(tmp_path):
    model = models.ResNet9(
        widths=(8, 8, 8), stem_width=4, head_width=4, input_shape=(16, 16, 3), classes=7
    )
    facts = json.loads((written_page(tmp_path, model) / "model.json").read_text())
    assert not facts["rollout"]
