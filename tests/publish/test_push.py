"""Uploads to a hub on this machine, and models that are loaded back from it."""

import json
import re
import sys

import keras
import numpy as np
import pytest
from PIL import Image

import keras_hybrid
from keras_hybrid import models
from keras_hybrid.cli import main
from keras_hybrid.publish import push, upload

pytestmark = pytest.mark.backend_independent

pytest.importorskip("huggingface_hub")


@pytest.fixture
def pushed(hub, finished):
    push(finished, "me/galaxies", "apache-2.0")
    return hub


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (3, 16, 24, 3), "uint8")


def answers(model, pixels):
    return keras.ops.convert_to_numpy(model(pixels.astype("float32")))


def test_what_arrives(hub, finished, monkeypatch, capsys):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    main(["push", str(finished), "me/galaxies"])
    names = {name.removeprefix("me/galaxies/") for name in hub.files}
    assert names == {"model.keras", "card.json", "recipe.json", "README.md"}
    content = (finished / "model.keras").read_bytes()
    assert hub.files["me/galaxies/model.keras"] == content
    assert hub.repositories == {"me/galaxies": False}
    assert set(hub.tokens) == {"Bearer hf_secret"}
    out = capsys.readouterr().out
    assert f"{hub.url}/me/galaxies" in out and "hf://me/galaxies" in out
    main(["push", str(finished), "me/galaxies", "--report"])  # a second time
    assert "me/galaxies/report.html" in hub.files


def test_private(hub, finished):
    push(finished, "me/secret", private=True)
    assert hub.repositories == {"me/secret": True}
    push(finished, "me/secret", private=True)
    hub.repositories["me/open"] = False
    with pytest.raises(ValueError, match="me/open exists and is public: make it"):
        push(finished, "me/open", private=True)
    assert not any(name.startswith("me/open") for name in hub.files)


def test_a_builder_takes_it(pushed, finished, pixels):
    """With the settings, classes, shape and normalization of the run."""
    model = models.ATC3(weights="hf://me/galaxies")
    expected = keras.models.load_model(finished / "model.keras")
    np.testing.assert_array_equal(answers(model, pixels), answers(expected, pixels))
    other = models.ATC3(weights="hf://me/galaxies", classes=9, strides=(1, 2, 2))
    assert other.output_shape == (None, 9)
    maps = [models.features(x).output["stage1"].shape[1] for x in (model, other)]
    assert maps == [8, 16]
    vector = models.ATC3(weights="hf://me/galaxies", include_top=False, pooling="avg")
    assert vector.output_shape == (None, 8)
    for layer in vector.layers:
        wanted = model.get_layer(layer.name).get_weights() if layer.weights else []
        for value, other in zip(layer.get_weights(), wanted, strict=True):
            np.testing.assert_array_equal(value, other)
    with pytest.raises(ValueError, match="me/galaxies holds atc3, not atc13"):
        models.ATC13(weights="hf://me/galaxies")


def test_a_classifier_loads_it(pushed, finished, pixels, tmp_path, capsys):
    found = keras_hybrid.load("hf://me/galaxies").predict(pixels)
    expected = keras_hybrid.load(finished).predict(pixels)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    assert found.names == expected.names
    Image.fromarray(pixels[0]).save(tmp_path / "a.png")
    main(["predict", "hf://me/galaxies@main", str(tmp_path / "a.png"), "--top", "1"])
    name = capsys.readouterr().out.split("  ")[-1].strip()
    assert name.endswith(expected.names[0])


def test_without_a_card(pushed, pixels):
    del pushed.files["me/galaxies/card.json"]
    classifier = keras_hybrid.load("hf://me/galaxies")
    assert classifier.classes == tuple(f"class {i}" for i in range(4))


def test_torch_files_come_first_and_need_their_package(pushed, monkeypatch):
    """A file that cannot be read is not downloaded; one that is not there is passed."""
    name = sys.modules["keras_hybrid.weights.hub"]
    monkeypatch.setattr(name, "is_readable", lambda file: not file.endswith(".bin"))
    assert name.fetch("me/galaxies", "").name == "model.keras"
    pushed.files["me/galaxies/pytorch_model.bin"] = b"torch"
    monkeypatch.setattr(name, "require_reader", refuse)
    pushed.log.clear()
    with pytest.raises(ImportError, match=r"pytorch_model\.bin needs torch"):
        name.fetch("me/galaxies", "")
    assert not pushed.log["GET"]


def refuse(file):
    raise ImportError(f"{file} needs torch")


@pytest.mark.parametrize(
    ("part", "status", "text"),
    [
        ("create", 401, "does not know who uploads to me/x .*`hf auth login`"),
        ("create", 403, "This login may not write to me/x .403 Forbidden.: log in"),
        ("create", 404, "shows no me/x to this login .*may write for me"),
        ("preupload", 401, "does not know who uploads"),
        ("preupload", 403, "may not write to me/x"),
        ("preupload", 404, "shows no me/x to this login"),
        ("batch", 403, "may not write to me/x"),
        ("commit", 403, "may not write to me/x"),
        ("commit", 507, "answers 507 Insufficient Storage to the upload .*try again"),
        ("validate-yaml", 400, "The hub refuses me/x: Invalid metadata in README.md"),
    ],
)
def test_a_hub_that_refuses(part, status, text, hub, finished, capsys):
    hub.refused[part] = status
    with pytest.raises(SystemExit) as ended:
        main(["push", str(finished), "me/x"])
    assert ended.value.code == 2
    line = capsys.readouterr().err.strip()
    line = re.sub(r".*B/s\]\n?", "", line)  # the client's progress
    assert re.search(f"^error: .*{text}", line) and "\n" not in line
    assert not hub.files


def test_no_hub(hub, tmp_path):
    (tmp_path / "a").write_text("a")
    hub.shutdown()
    hub.server_close()
    with pytest.raises(
        ConnectionError, match=r"The upload to me/x broke off .*network"
    ):
        upload(tmp_path, "me/x")


def test_without_the_client_nothing_is_written(finished, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ImportError, match=r"pip install 'keras_hybrid\[hub\]'"):
        push(finished, "me/x")
    assert not list(tmp_path.iterdir())
    main(["push", str(finished), "me/x", "--folder", str(tmp_path / "out")])
    assert json.loads((tmp_path / "out" / "card.json").read_text())
